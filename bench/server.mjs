// npm run bench:server: 20 clients that claim a unit and report its success, again and again, from a server in a process of
// its own, beside the same with node's http alone and the same engine and journal; then some GETs, by autocannon.
// node bench/server.mjs [cycles, default 5000]. The servers take turns, so that all see the same machine.
// It fails nothing by time: bars stand beside the figures. CPU_PROF=FOLDER writes a profile of each server there.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { table } from './table.mjs';

const CYCLES = Number(process.argv[2] ?? 5_000);
const CLIENTS = 20;
const JOBS = 20;
/** Cycles before those that count: until then much of the time goes into compiling. */
const WARM_UP = 3_000;
/** Cycles of one server before it is the turn of the next: so short that all of them see the same machine. */
const TURN = 400;
/** A client that repeats takes no longer than the lease. */
const LEASE_MS = 60_000;

const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const load = () => os.loadavg()[0].toFixed(1);
let databases = 0;

/** Starts a server; `ask` resolves to its CPU time in µs so far. */
const serve = async (kind, synchronous) => {
  const { CPU_PROF } = process.env;
  const child = fork(
    fileURLToPath(new URL('served.mjs', import.meta.url)),
    [kind, join(folder, `${databases++}.db`), synchronous],
    {
      execArgv: [
        '--disable-warning=ExperimentalWarning',
        ...(CPU_PROF
          ? [
              '--cpu-prof',
              `--cpu-prof-dir=${CPU_PROF}`,
              `--cpu-prof-name=${kind}-${synchronous}-${databases}.cpuprofile`,
            ]
          : []),
      ],
    },
  );
  const answer = () =>
    new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`The server has ended with ${code}.`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message);
      });
    });
  const { url } = await answer();
  const ask = async (message) => {
    const answered = answer();
    child.send(message);
    return (await answered).cpuUs;
  };
  const end = () =>
    new Promise((resolve) => {
      child.once('exit', resolve);
      child.send({ ask: 'end' });
    });
  return { url, ask, end };
};

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
const post = (url, body) =>
  new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        answer += chunk;
      });
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(JSON.parse(answer))
          : reject(new Error(`${url} is ${response.statusCode}: ${answer}`)),
      );
    });
    sent.on('error', reject);
    sent.end(text);
  });

/** Claims and completes units until `cycles` are done; at most `rate` a second. Resolves to figures. */
const cycle = async ({ url, ask }, cycles, rate) => {
  const claims = [];
  const successes = [];
  const seen = new Set();
  const cpuBefore = await ask({ ask: 'usage' });
  const began = performance.now();
  let next = 0;
  const work = async (client) => {
    while (next < cycles) {
      const at = next++;
      const wait = rate ? began + (at / rate) * 1000 - performance.now() : 0;
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      const sent = performance.now();
      const body = { owners: ['any'], worker: `client ${client}`, max: 1, waitMs: 30_000, leaseMs: LEASE_MS };
      const { units } = await post(`${url}/api/v1/units/claim`, body);
      const got = performance.now();
      const [{ id, token }] = units;
      if (seen.has(id)) throw new Error(`The unit ${id} was handed out twice.`);
      seen.add(id);
      const success = { type: 'success', token, output: { by: client } };
      await post(`${url}/api/v1/units/${encodeURIComponent(id)}/commands`, success);
      claims.push(got - sent);
      successes.push(performance.now() - got);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => work(client)));
  const seconds = (performance.now() - began) / 1000;
  const cpuUs = ((await ask({ ask: 'usage' })) - cpuBefore) / cycles;
  return { rate: cycles / seconds, cpuUs, claims, successes, load: load() };
};

const percentile = (values, share) => values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1];
const both = (values) => [0.5, 0.99].map((share) => percentile(values, share).toFixed(1)).join(' / ');
const row = (name, { rate, cpuUs, claims, successes, load }) => [
  name,
  Math.round(rate).toLocaleString('en'),
  cpuUs.toFixed(0),
  both(claims),
  both(successes),
  load,
];

console.log(`Node.js ${process.versions.node}, ${os.cpus().length} × ${os.cpus()[0]?.model}, load ${load()}`);
console.log(`${CLIENTS} clients, ${CYCLES.toLocaleString('en')} cycles of claim and success, in ${JOBS} jobs\n`);

/** A server that is warm already, with units for so many cycles. */
const warm = async (kind, synchronous, cycles) => {
  const server = await serve(kind, synchronous);
  await server.ask({ ask: 'start', jobs: JOBS, units: Math.ceil((cycles + WARM_UP) / JOBS) });
  await cycle(server, WARM_UP);
  return server;
};

/** Servers of these kinds in turns. The CPU is the lower quartile of the turns, which other programs disturb least. */
const inTurns = async (kinds, synchronous, cycles) => {
  const servers = [];
  for (const kind of kinds) servers.push(await warm(kind, synchronous, cycles));
  const turns = servers.map(() => []);
  const order = [...servers.keys()];
  for (let done = 0; done < cycles; done += TURN) {
    for (const at of order) turns[at].push(await cycle(servers[at], Math.min(TURN, cycles - done)));
    // Back the same way, so that none always follows the same one.
    order.reverse();
  }
  await Promise.all(servers.map(({ end }) => end()));
  return turns.map((of, at) => ({
    kind: kinds[at],
    cpuUs: percentile(
      of.map(({ cpuUs }) => cpuUs),
      0.25,
    ),
    rate: percentile(
      of.map(({ rate }) => rate),
      0.5,
    ),
    claims: of.flatMap(({ claims }) => claims),
    successes: of.flatMap(({ successes }) => successes),
    load: of.at(-1).load,
  }));
};

const HEADING = ['', 'cycles/s', 'server CPU µs/cycle', 'claim p50 / p99 ms', 'success p50 / p99 ms', 'load'];
for (const [synchronous, cycles] of [
  ['normal', CYCLES],
  ['full', Math.ceil(CYCLES / 4)],
]) {
  // Each twice, the second one as a control.
  const runs = await inTurns(['raw', 'tintype', 'tintype', 'raw'], synchronous, cycles);
  const [raw, tintype, again, rawAgain] = runs;
  const mean = (field) => (tintype[field] + again[field]) / 2;
  const half = mean('rate') / 2;
  const server = await warm('tintype', synchronous, Math.ceil(cycles / 2));
  const atHalf = await cycle(server, Math.ceil(cycles / 2), half);
  await server.end();
  const rows = [...runs.map((run) => [run.kind, run]), [`tintype at ${Math.round(half)}/s`, atHalf]];
  console.log(`synchronous ${synchronous}`);
  console.log(
    table(
      HEADING,
      rows.map(([name, figures]) => row(name, figures)),
    ),
  );
  const ratio = (tintype.cpuUs + again.cpuUs) / (raw.cpuUs + rawAgain.cpuUs);
  const control = (one, other) => (other.cpuUs / one.cpuUs).toFixed(2);
  console.log(
    `server CPU beside raw: ${ratio.toFixed(2)} × (bar 1.6; the same twice: raw ${control(raw, rawAgain)}, tintype ${control(tintype, again)})`,
  );
  if (synchronous === 'normal') {
    console.log(`server CPU a cycle: ${mean('cpuUs').toFixed(0)} µs (bar 250 at a load below 4)`);
    console.log(`cycles/s: ${Math.round(mean('rate'))} (bar 2,000 on a quiet machine)`);
  }
  const p99 = Math.max(percentile(atHalf.claims, 0.99), percentile(atHalf.successes, 0.99));
  console.log(`p99 at half of that: ${p99.toFixed(1)} ms (bar 50)\n`);
}

const server = await serve('tintype', 'normal');
await server.ask({ ask: 'start', jobs: 1_000, units: 3 });
const gets = [];
for (const path of ['/healthz', '/api/v1/jobs', '/api/v1/units']) {
  const before = await server.ask({ ask: 'usage' });
  const { requests, latency, non2xx } = await autocannon({
    url: `${server.url}${path}`,
    connections: CLIENTS,
    duration: 3,
  });
  if (non2xx > 0) throw new Error(`${path}: ${non2xx} answers were no success.`);
  const cpuUs = ((await server.ask({ ask: 'usage' })) - before) / requests.total;
  gets.push([
    `GET ${path}`,
    Math.round(requests.average).toLocaleString('en'),
    cpuUs.toFixed(0),
    `${latency.p50} / ${latency.p99}`,
    load(),
  ]);
}
await server.end();
console.log(
  table(['1,000 jobs, 3,000 units; pages of 50', 'requests/s', 'server CPU µs', 'p50 / p99 ms', 'load'], gets),
);
process.exit();
