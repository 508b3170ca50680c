import { openDatabase, drawCaptionPairs, findCorpus, activeSpace, countImages } from "./libs/storage/src/index.ts";
import { knownItemExample } from "./libs/search/src/calibration-examples.ts";
import { createInferenceClient } from "./libs/inference-api/src/index.ts";
import { writeFileSync } from "node:fs";
await using db = await openDatabase({ home: "/root/demo" });
await using inference = createInferenceClient({ url: process.argv[2]! });
const corpus=(await findCorpus(db,"demo"))!; const space=(await activeSpace(db,corpus.id))!;
const model=(await inference.models()).find(m=>m.role==="retrieval")!;
const drawn=await drawCaptionPairs(db,{corpusId:corpus.id,spaceId:space.id,images:Number(process.argv[3] ?? 1000),seed:0});
const source={db,inference,corpusId:corpus.id,spaceId:space.id,itcWeight:model.itcWeight,model:model.fingerprint};
const asked=new Set<string>(); const items=[]; const t=performance.now();
for(const d of drawn){const k=d.own.toLowerCase(); if(asked.has(k))continue; asked.add(k); const i=await knownItemExample(source,d); if(i) items.push({...i,own:d.own});}
console.log(drawn.length,items.length,"s",(performance.now()-t)/1000); writeFileSync("/root/items.json",JSON.stringify(items));
