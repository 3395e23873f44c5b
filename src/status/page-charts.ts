/** The part of the page's script that draws the last syncs: five small charts, and the table that says the same. */
export const pageCharts = `
function known(list){return list.filter(function(v){return v.y!=null}).map(function(v){return v.y})}
function shape(list,bars){
var ys=known(list),top=Math.max.apply(null,ys),low=bars?0:Math.min.apply(null,ys);
if(!bars&&top===low){low=low-1;top=top+1}
var pad=bars?0:(top-low)*.15;top=top+pad||1;low=low-pad;
return function(y){return 40-(y-low)/(top-low)*38}
}
function line(list,at){
var d="",up=false,last=0;
list.forEach(function(v,i){
if(v.y==null)return;
d+=(up?"H"+i*10+"V":"M"+i*10+" ")+at(v.y).toFixed(2);up=true;last=i;
});
d+="H"+(last+1)*10;
return [s("path",{class:"l",d:d})];
}
function chart(title,list,show,bars){
var ys=known(list),n=list.length,w=n*10,latest=ys[ys.length-1];
var low=Math.min.apply(null,ys),top=Math.max.apply(null,ys);
var range=low===top?"always "+show(top):show(low)+" to "+show(top);
var svg=s("svg",{viewBox:"0 0 "+w+" 41",preserveAspectRatio:"none",role:"img","aria-label":title+" of the last "+n+" syncs: "+(ys.length?"latest "+show(latest)+", "+range:"no figures yet")});
if(ys.length){
var at=shape(list,bars);
list.forEach(function(v,i){if(v.outcome==="failure")svg.append(s("rect",{class:"f",x:i*10,width:10,y:0,height:41}))});
if(bars)list.forEach(function(v,i){if(v.y!=null)svg.append(s("rect",{class:"b "+v.outcome,x:i*10+1.5,width:7,y:Math.min(39,at(v.y)),height:Math.max(1,40-at(v.y))}))});
else line(list,at).forEach(function(p){svg.append(p)});
list.forEach(function(v,i){if(v.startedMs)svg.append(s("rect",{class:"h",x:i*10,width:10,y:0,height:41},
s("title",null,date(v.startedMs)+": "+(v.y==null?"none, "+v.outcome:show(v.y)))))});
}
return h("figure",null,h("h3",null,title),h("b",null,ys.length?show(latest):"\\u2013"),svg,h("figcaption",null,ys.length?range:"no figures yet"));
}
function charts(list){
var old=list.slice().reverse(),pad=[];
for(var i=old.length;i<20;i++)pad.push({});
function of(pick){return pad.concat(old.map(function(r){return {y:pick(r),outcome:r.outcome,startedMs:r.startedMs}}))}
function count(name){return of(function(r){return r.counts&&r.counts[name]})}
return [chart("Duration",of(function(r){return r.durationMs}),took,true),
chart("File size",of(function(r){return r.bytes}),bytes),
chart("Active users",count("users"),num),chart("Grants",count("grants"),num),chart("Roles",count("roles"),num)];
}
function sync(r){
var kind={success:"ok",failure:"bad",cancelled:""}[r.outcome],c=r.counts,d=r.changes;
function cell(t){return h("td",null,t==null?"\\u2013":t)}
function delta(sign,n){return n?h("td",{class:"delta"},sign+num(n)):cell(n)}
return h("tr",null,h("td",null,h("time",{datetime:new Date(r.startedMs).toISOString()},date(r.startedMs))),
h("td",null,pill(kind,{success:"Accepted",failure:"Failed",cancelled:"Cancelled"}[r.outcome]),r.code?h("span",{class:"dim"}," "+r.code):null),
cell(took(r.durationMs)),cell(r.bytes==null?null:bytes(r.bytes)),cell(c&&num(c.users)),cell(c&&num(c.disabled)),cell(c&&num(c.roles)),cell(c&&num(c.grants)),
delta("+",d&&d.added),delta("\\u2212",d&&d.removed),delta("",d&&d.roleChanges));
}
function syncs(list){
text("sync-count",list.length?" ("+list.length+")":"");
var good=list.filter(function(r){return r.outcome==="success"}),bad=list.filter(function(r){return r.outcome==="failure"}).length;
fill("sync-sum",num(good.length)+" accepted, "+num(bad)+" failed",good.length?[" · last accepted ",time("ago",good[0].startedMs+good[0].durationMs)]:null);
by("sync-sum").hidden=!list.length;
by("no-syncs").hidden=list.length>0;by("charts").hidden=by("sync-table").hidden=!list.length;
if(!list.length)return;
fill("charts",charts(list));
fill("sync-rows",list.map(sync));
}
`;
