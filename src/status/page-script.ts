import { pageCards } from "./page-cards.ts";
import { pageCharts } from "./page-charts.ts";

/** Words and numbers, and how elements are made: only from text, so that nothing that is shown can be markup. */
const basics = `
var N=new Intl.NumberFormat("en"),doc=document;
function by(id){return doc.getElementById(id)}
function h(tag,attrs){var e=doc.createElement(tag);add(e,attrs,[].slice.call(arguments,2));return e}
function s(tag,attrs){var e=doc.createElementNS("http://www.w3.org/2000/svg",tag);add(e,attrs,[].slice.call(arguments,2));return e}
function add(e,attrs,kids){
for(var k in attrs||{})if(attrs[k]!=null)e.setAttribute(k,attrs[k]);
kids.flat(9).forEach(function(kid){if(kid!=null&&kid!=="")e.append(kid)});
}
function fill(id){by(id).replaceChildren.apply(by(id),[].slice.call(arguments,1).flat(9).filter(function(x){return x!=null}))}
function num(n){return N.format(n)}
function many(n,one,more){return num(n)+" "+(n===1?one:more)}
function bytes(n){
if(n<1024)return n+" B";
if(n<1048576)return (n/1024).toFixed(n<10240?1:0)+" KiB";
return (n/1048576).toFixed(n<10485760?1:0)+" MiB";
}
function span(ms){
var t=Math.max(0,Math.floor(ms/1000));
if(t<60)return t+" s";
if(t<3600)return Math.floor(t/60)+" min";
if(t<86400)return Math.floor(t/3600)+" h"+(t%3600<60?"":" "+Math.floor(t%3600/60)+" min");
return Math.floor(t/86400)+" d"+(t%86400<3600?"":" "+Math.floor(t%86400/3600)+" h");
}
function took(ms){
if(ms<1000)return Math.round(ms)+" ms";
if(ms<60000)return (ms/1000).toFixed(1)+" s";
return ms<3600000?span(ms)+" "+Math.floor(ms/1000)%60+" s":span(ms);
}
function cap(t){return t.charAt(0).toUpperCase()+t.slice(1)}
function two(n){return (n<10?"0":"")+n}
function date(ms){var d=new Date(ms);return d.getFullYear()+"-"+two(d.getMonth()+1)+"-"+two(d.getDate())+" "+two(d.getHours())+":"+two(d.getMinutes())+":"+two(d.getSeconds())}
var skew=0;
function now(){return Date.now()+skew}
function words(as,ms){
if(as==="ago"){var a=now()-ms;return a<1500?"just now":span(a)+" ago"}
if(as==="in"){var i=ms-now();return i<=500?"now":"in "+span(i+500)}
return span(now()-ms);
}
/* A time that goes on by itself: "ago", "in" or "for". */
function time(as,ms){return h("time",{datetime:new Date(ms).toISOString(),title:date(ms),"data-as":as,"data-ms":ms},words(as,ms))}
function tick(){doc.querySelectorAll("time[data-as]").forEach(function(e){
var t=words(e.dataset.as,+e.dataset.ms);if(e.textContent!==t)e.textContent=t})}
function text(id,t){if(by(id).textContent!==t)by(id).textContent=t}
function pill(kind,t){return h("span",{class:"pill "+kind},t)}
function bar(role,label,share,full){
var i=h("i");i.style.width=(share*100).toFixed(1)+"%";
return h("div",{class:"bar"+(full?" full":""),role:role,"aria-label":label,"aria-valuemin":0,"aria-valuemax":100,"aria-valuenow":Math.round(share*100)},i);
}
function rows(){return h("dl",null,[].slice.call(arguments).filter(Boolean).map(function(r){return [h("dt",null,r[0]),h("dd",null,r[1])]}))}
`;

/** Draws what has changed, follows the stream, and says when it is cut. */
const following = `
var gone=false,state={},first=JSON.parse(by("state-data").textContent);
var parts={about:about,connection:connection,tasks:tasks,syncs:syncs,changes:changes,budgets:budgets,credentials:credentials,problems:problems};
function draw(news){
skew=news.nowMs-Date.now();
/* What is the same is left alone: focus and open details stay. */
var fresh=Object.keys(parts).filter(function(k){return k in news&&JSON.stringify(news[k])!==JSON.stringify(state[k])});
fresh.forEach(function(k){state[k]=news[k]});
fresh.forEach(function(k){parts[k](state[k])});
headline();
tick();
}
function lost(is){gone=is;by("lost").hidden=!is;headline()}
function follow(){
var es=new EventSource("events");
es.onmessage=function(e){lost(false);draw(JSON.parse(e.data))};
es.onerror=function(){lost(true);if(es.readyState===2)setTimeout(follow,5000)};
}
draw(first);
setInterval(tick,1000);
follow();
`;

/** All that runs in the browser. Written by hand for it: no build step, nothing to load. */
export const pageScript = `(function(){"use strict";${basics}${pageCards}${pageCharts}${following}})();`;
