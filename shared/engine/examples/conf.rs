#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use andon_engine::*; use andon_engine::replay::*; use andon_model::*;
struct S(Vec<Transition>);
impl Sink for S { fn transition(&mut self, t: Transition) { self.0.push(t) } }
fn main() {
  let mut ok=0; let mut bad=0;
  let only=std::env::args().nth(1);
  let mut names: Vec<_> = std::fs::read_dir("/tmp/conf").unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect(); names.sort();
  for n in names { let name=n.trim_end_matches(".json").to_owned();
    if let Some(o)=&only { if *o!=name {continue} }
    let doc=RuleDocument::from_json(&std::fs::read_to_string(format!("/tmp/conf/{n}")).unwrap()).unwrap();
    let set=match RuleSet::compile(doc) { Ok(s)=>s, Err(e)=>{ println!("{name}: compile {}", e[0]); bad+=1; continue} };
    let mut r=Replay::new(CompiledRules::new(set)); let mut s=S(vec![]);
    let ev=std::fs::read(format!("/work/shared/conformance/{name}/events.jsonl")).unwrap();
    for l in ev.split(|b|*b==b'\n') { if l.is_empty(){continue} r.line(l,&mut s).unwrap(); }
    r.close(&mut s);
    let key=|t:&serde_json::Value| (t["ruleId"].to_string(), t["equipmentId"].to_string());
    let fmt=|t:&serde_json::Value| format!("{:?} {} {} {} {} {}", key(t), t["sequence"],t["from"],t["to"],t["at"],t["group"]);
    let mut got: Vec<_> = s.0.iter().map(|t| serde_json::to_value(t).unwrap()).collect(); got.sort_by_key(|t| key(t));
    let exp=std::fs::read_to_string(format!("/work/shared/conformance/{name}/expected.jsonl")).unwrap();
    let mut want: Vec<serde_json::Value> = exp.lines().map(|l| serde_json::from_str(l).unwrap()).collect(); want.sort_by_key(|t| key(t));
    let g: Vec<_>=got.iter().map(|t| fmt(t)).collect(); let w: Vec<_>=want.iter().map(|t| fmt(t)).collect();
    if g==w { ok+=1 } else { bad+=1; println!("{name}: DIFF got {} want {}", g.len(), w.len());
      for i in 0..g.len().max(w.len()) { if g.get(i)!=w.get(i) { println!("   got  {:?}\n   want {:?}", g.get(i), w.get(i)); break } } }
  }
  println!("ok {ok} bad {bad}");
}
