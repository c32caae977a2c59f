// Reads the files named on the command line with HashiCorp's HCL parser and prints them as one JSON object, by name.
import { readFileSync } from "node:fs";
import { parse } from "@cdktf/hcl2json";

const files = {};
for (const name of process.argv.slice(1)) {
  files[name] = await parse(name, readFileSync(name, "utf8"));
}
console.log(JSON.stringify(files));
