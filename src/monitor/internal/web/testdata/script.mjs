// Tests of the page's script that need no page. Run by TestTheScriptAgrees.
import {readFileSync} from "node:fs";
import assert from "node:assert/strict";

const dir = process.argv[2];
const {at, list, format, figures, points, binned, ceiling, csv} = await import(`${dir}/assets/page.js`);
const rows = name => JSON.parse(readFileSync(`${dir}/testdata/${name}.json`));

for (const {format: f, value, text} of rows("formats")) assert.equal(format(f, value, Date.parse("2026-03-01T00:00:00Z")), text, `${f} of ${value}`);
for (const r of rows("lists")) assert.deepEqual(list(r.of, r.list), r.elements, r.list);
assert.equal(at({a: {}}, "a.constructor"), undefined, "names of every object are no figures");

const disk = (second, bytes) => ({readings: {disk: {sampledAt: `2026-03-01T00:00:0${second}Z`, data: {devices: Object.entries(bytes).map(([name, n]) => ({name, read: {bytes: n}, write: {bytes: 0}}))}}}});
const rate = (before, now, ref) => figures(before, now).get(ref)?.v;
assert.equal(rate(null, disk(1, {a: 5}), "disk.read_bytes_per_second:a"), undefined, "one snapshot says no rate");
assert.equal(rate(disk(1, {a: 5, b: 1}), disk(3, {a: 25, b: 1}), "disk.read_bytes_per_second:a"), 10);
assert.equal(rate(disk(1, {a: 5, b: 1}), disk(3, {a: 25, b: 5}), "disk.read_bytes_per_second"), 12, "the total is of all disks");
assert.equal(rate(disk(1, {a: 5}), disk(2, {a: 1}), "disk.read_bytes_per_second:a"), undefined, "a counter that fell has no rate");
assert.equal(rate(disk(1, {a: 5}), disk(1, {a: 5}), "disk.read_bytes_per_second:a"), undefined, "the same reading has no rate");
assert.equal(rate(disk(1, {}), disk(2, {a: 5}), "disk.read_bytes_per_second:a"), undefined, "a new disk has no rate");
const network = (second, n) => ({readings: {network: {sampledAt: `2026-03-01T00:00:0${second}Z`, data: {interfaces: ["lo", "eth0"].map(name => ({name, receive: {bytes: n}, transmit: {bytes: n}}))}}}});
assert.equal(rate(network(1, 0), network(2, 7), "network.received_bytes_per_second"), 7, "lo is not in the total");

const joined = points({buckets: [[0, 5, 1, 9], [10000, 6, 2, 8], [20000, 7, 3, 7]], samples: [[20000, 4], [21000, 5]]});
assert.deepEqual(joined.map(p => [p.t, p.v, p.lo, p.hi]), [[5000, 5, 1, 9], [15000, 6, 2, 8], [20000, 4, 4, 4], [21000, 5, 5, 5]]);
assert.equal(points({buckets: [], samples: []}).length, 0);

const bins = binned([1, 2, 3, 100].map(v => ({t: v * 10, v, lo: v, hi: v})), 0, 100, 2);
assert.deepEqual(bins.map(b => [b.v, b.lo, b.hi]), [[2, 1, 3]], "what is outside of the range is in no bin");

for (const [v, base2, want] of [[0, false, 1], [3, false, 5], [5, false, 5], [51, false, 100], [0.03, false, 0.05], [3000, true, 4096], [4096, true, 4096]]) assert.equal(ceiling(v, base2), want, `ceiling of ${v}`);

assert.equal(csv([{name: 'a "b"', points: [{t: 0, v: 1, lo: 0, hi: 2}]}, {name: "=x", points: [{t: 0, v: 3, lo: 3, hi: 3}, {t: 1000, v: 4, lo: 4, hi: 4}, {t: 9000, v: 5, lo: 5, hi: 5}]}], 0, 2000),
  `time,"a ""b""","a ""b"" (least)","a ""b"" (most)","'=x","'=x (least)","'=x (most)"\r\n1970-01-01T00:00:00.000Z,1,0,2,3,3,3\r\n1970-01-01T00:00:01.000Z,,,,4,4,4\r\n`);
