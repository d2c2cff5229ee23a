// One minified ES module, the same bytes every time, with the licence of everything that is in it.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";

const TARGET = "../../static/codemirror/codemirror.js";

const { metafile, outputFiles } = await build({
  entryPoints: ["entry.js"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "eof",
  metafile: true,
  write: false,
});

const [{ inputs }] = Object.values(metafile.outputs);
const used = Object.entries(inputs).filter(([, input]) => input.bytesInOutput > 0);
const folders = new Set(used.map(([path]) => path.match(/^node_modules\/(@[^/]+\/)?[^/]+/)?.[0]).filter(Boolean));

const byLicence = new Map(); // many packages share one text
for (const folder of [...folders].sort()) {
  const { name, version } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
  const text = (await readFile(`${folder}/LICENSE`, "utf8")).trim();
  byLicence.set(text, [...(byLicence.get(text) ?? []), `${name} ${version}`]);
}
const licences = [...byLicence].map(([text, names]) => `/*! ${names.join(", ")}\n\n${text.replaceAll("*/", "* /")}\n*/\n`);

const code = `${outputFiles[0].text.trimEnd()}\n${licences.join("")}`;
await writeFile(TARGET, code);
console.log(`${TARGET}: ${Buffer.byteLength(code)} bytes`);
