/** The part of the page's script that draws one card each. */
export const pageCards = `
var names={sync_full:"Full sync",create_account:"Create account",delete_resource:"Delete account",hello:"Hello",
c1:"C1 client",cursor_api:"Cursor API key",cursor_scim:"SCIM token"};
var steps=["validate","types","resources","entitlements","grants","pack","upload"];
var doing={validate:"reading the team from Cursor",types:"writing resource types",resources:"writing accounts and roles",
entitlements:"writing entitlements",grants:"writing grants",pack:"packing the file",upload:"uploading to C1"};
function about(a){
fill("meta",a.hostId+" · version "+a.version+(a.revision?" ("+a.revision.slice(0,8)+")":"")+" · up for ",time("for",a.startedMs));
text("people",a.showsPeople?"E-mail addresses are shown, as BATON_LOG_PII asks.":"E-mail addresses are shown as digests.");
}
function mood(){
var c=state.connection,t=state.tasks.running;
if(gone)return ["bad","Not reached"];
if(c.state==="stopped")return ["bad","Stopped"];
if(c.state==="draining")return ["warn","Shutting down"];
if(c.problem)return ["bad","Not ready"];
if(c.failingSinceMs)return ["bad","C1 does not answer"];
if(c.state==="starting")return ["warn","Starting"];
if(t.length)return ["ok",t.length===1?(names[t[0].type]||t[0].type)+" running":t.length+state.tasks.more+" tasks running"];
return c.state==="standby"?["ok","Standing by"]:["ok","Waiting for tasks"];
}
function headline(){
var m=mood(),e=by("mood");
text("mood",m[1]);
e.className="pill "+m[0];
doc.title=m[1]+" · baton-cursor";
}
function connection(c){
var said={starting:"saying Hello",polling:"asking for tasks",standby:"another replica asks",draining:"finishing, asks for nothing",stopped:"stopped"};
fill("connection",rows(["State",c.state==="polling"&&c.failingSinceMs?"asking without an answer":said[c.state]],["Host",c.host||"no client id yet"],
["Last answer",c.lastPollMs?time("ago",c.lastPollMs):"none yet"],
c.nextPollMs&&["Next poll",time("in",c.nextPollMs)],
c.failingSinceMs&&["Failing for",time("for",c.failingSinceMs)]),
c.problem?h("p",{class:"item small"},h("b",null,"Not ready: "),c.problem):null);
}
function task(t){
var n=t.phase&&steps.indexOf(t.phase)+1;
return h("li",{class:"item"},
h("div",{class:"row"},h("span",{class:"name"},names[t.type]||t.type),h("span",{class:"dim small"},"for ",time("for",t.startedMs))),
t.phase?bar("progressbar","Progress of the sync",t.progress):null,
t.phase?h("p",{class:"small"},"Step "+n+" of "+steps.length+": "+doing[t.phase]):null,
t.phase&&t.counts.users?h("p",{class:"small dim"},many(t.counts.users+t.counts.disabled,"account","accounts")+", "+many(t.counts.grants,"grant","grants")):null,
t.type==="sync_full"&&!t.phase?h("p",{class:"small dim"},"about to begin"):null);
}
function tasks(t){
fill("tasks",t.running.length?h("ul",null,t.running.map(task)):h("p",{class:"dim"},"Nothing is running."),
t.more?h("p",{class:"item small dim"},many(t.more,"more task runs","more tasks run")+"."):null,
t.queued?h("p",{class:"item small dim"},many(t.queued,"task waits","tasks wait")+" for a slot."):null);
}
function people(label,list,total){
if(!list||!list.length)return null;
return h("p",null,h("span",{class:"dim"},label+": "),list.join(", ")+(total>list.length?" and "+num(total-list.length)+" more":""));
}
function figure(sign,n,label){return h("div",null,h("b",null,(n?sign:"")+num(n)),h("span",null,label))}
function changes(c){
if(c.kind==="none"){fill("changes",h("p",{class:"dim"},c.reason));return}
var n=c.names||{};
fill("changes",h("div",{class:"figures"},
figure("+",c.added,"added"),figure("\\u2212",c.removed,"removed"),figure("",c.roleChanges,"changed role")),
c.moves.map(function(m){return h("p",{class:"small"},num(m.count)+" \\u00d7 "+m.from+" \\u2192 "+m.to)}),
c.names&&c.added+c.removed+c.roleChanges?h("details",{class:"small"},h("summary",null,"Who"),
people("Added",n.added,c.added),people("Removed",n.removed,c.removed),people("Changed role",n.roleChanges,c.roleChanges)):null,
h("p",{class:"small dim"},"Accepted ",time("ago",c.acceptedMs),", "+span(c.acceptedMs-c.previousMs)+" after the one before."));
}
function budget(b){
var share=Math.min(1,b.used/b.requestsPerMinute);
return h("li",{class:"item"},
h("div",{class:"row"},h("span",{class:"name"},b.name),h("span",{class:"small"},num(b.used)+" of "+num(b.requestsPerMinute)+" in the last minute")),
bar("meter","Requests to "+b.name+" in the last minute",share,share>=1),
h("p",{class:"small dim"},b.waiting?many(b.waiting,"request waits","requests wait")+" for a turn":"Nobody waits",
b.pausedUntilMs?[" · asked to pause, goes on ",time("in",b.pausedUntilMs)]:null));
}
function budgets(list){fill("budgets",h("ul",null,list.map(budget)))}
function credential(c){
var kind={"in use":"ok",waiting:"warn",rejected:"bad",missing:"bad","not configured":""}[c.state];
var said={waiting:"newer version waits"}[c.state]||c.state;
return h("li",{class:"item"},
h("div",{class:"row"},h("span",{class:"name"},c.name),pill(kind,said)),
h("p",{class:"small dim"},c.sinceMs?["In use for ",time("for",c.sinceMs)]:c.state==="not configured"?"Accounts are neither created nor deleted":"Not in use",
c.rotations?" · "+many(c.rotations,"rotation","rotations")+" since the start":null,
c.rejections?" · "+many(c.rejections,"version","versions")+" turned down":null,
c.tokenExpiresMs?[" · token renewed ",time("in",c.tokenExpiresMs)]:null),
c.note?h("p",{class:"small fix"},cap(c.note)):null);
}
function credentials(list){fill("credentials",list.length?h("ul",null,list.map(credential)):h("p",{class:"dim"},"Not read yet."))}
function problem(p){
return h("li",{class:"item"},
h("div",{class:"row"},h("span",null,pill(p.level==="error"?"bad":"warn",p.level==="error"?"Error":"Warning")," ",h("span",{class:"name"},cap(p.title)),p.about?h("span",{class:"small dim"}," · "+(names[p.about]||p.about)):null),
h("span",{class:"small dim"},p.count>1?num(p.count)+" times, last ":"",time("ago",p.lastMs))),
p.detail?h("p",{class:"small"},cap(p.detail),p.code?h("span",{class:"dim"}," ("+p.code+")"):null):null,
h("p",{class:"small fix"},h("b",null,"What to do: "),p.fix));
}
function problems(list){
text("problem-count",list.length?" ("+list.length+")":"");
fill("problems",list.length?h("ol",null,list.map(problem)):h("p",{class:"dim"},"None since the start."));
}
`;
