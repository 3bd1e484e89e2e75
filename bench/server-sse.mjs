// npm run bench:server:sse: what 1,000 subscribers of GET /events cost the server, at 60 events a second, beside the same
// events written to node's responses directly, in turns in one run; and what 20 clients do that never read.
// node --expose-gc --disable-warning=ExperimentalWarning bench/server-sse.mjs [subscribers, default 1000] [seconds a turn, default 8] [turns, default 3]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import os from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { defineJob } from '../dist/index.js';
import { createServer } from '../dist/server.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { table } from './table.mjs';

const [SUBSCRIBERS = 1_000, SECONDS = 8, TURNS = 3] = process.argv.slice(2).map(Number);
const EVENTS_A_SECOND = 60;
const SLOW = 20;
const FLUSH_MS = 25;

const request = (path) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`;

/** The other process: connects, and reports how many events have come, and how late. */
const subscribe = () => {
  let sockets = [];
  let lags = [];
  let events = 0;
  let isResumed = false;
  const open = (port, path, reads) =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(request(path)));
      socket.on('error', () => {});
      socket.bytes = 0;
      socket.on('data', (bytes) => {
        socket.bytes += bytes.length;
        if (!reads && !isResumed) socket.pause();
        resolve(socket);
        if (!reads) return;
        const now = Date.now();
        for (const [, at] of bytes.toString().matchAll(/"at":(\d+)/g)) {
          events++;
          lags.push(now - Number(at));
        }
      });
    });
  const commands = {
    open: async ({ port, path, count, reads }) => {
      for (let at = 0; at < count; at += 50)
        sockets.push(
          ...(await Promise.all(Array.from({ length: Math.min(50, count - at) }, () => open(port, path, reads)))),
        );
    },
    reset: () => {
      events = 0;
      lags = [];
    },
    report: () => {
      lags.sort((a, b) => a - b);
      return { events, p50: lags[Math.floor(lags.length / 2)], p99: lags[Math.floor(lags.length * 0.99)] };
    },
    /** Reads what has come to those who did not read, and returns how many were cut. */
    resume: async () => {
      const cut = sockets.map((socket) =>
        Promise.race([
          once(socket, 'close').then(
            () => true,
            () => true,
          ),
          sleep(3_000, false),
        ]),
      );
      isResumed = true;
      for (const socket of sockets) socket.resume();
      return { cut: (await Promise.all(cut)).filter(Boolean).length, bytes: Math.max(...sockets.map((s) => s.bytes)) };
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      sockets = [];
    },
  };
  process.on('message', async ({ id, name, given }) => process.send({ id, answer: await commands[name](given) }));
};

const measure = async () => {
  const folder = mkdtempSync(join(os.tmpdir(), 'tintype-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const child = fork(fileURLToPath(import.meta.url), ['--subscribe']);
  let asked = 0;
  const ask = (name, given) =>
    new Promise((resolve) => {
      const id = asked++;
      const listen = (message) => {
        if (message.id !== id) return;
        child.off('message', listen);
        resolve(message.answer);
      };
      child.on('message', listen);
      child.send({ id, name, given });
    });

  const journal = sqliteJournal(join(folder, 'jobs.db'), { synchronous: 'normal' });
  const small = defineJob('small')
    .task('works', () => ({ done: true }))
    .seal();
  const large = defineJob('large')
    .task('writes', () => ({ text: 'x'.repeat(2_000) }))
    .seal();
  const server = createServer({ journal, definitions: [small, large] });
  const { url } = await server.listen({ port: 0 });
  const port = Number(new URL(url).port);
  const direct = directServer(journal);
  const directPort = await direct.listen();

  await server.engine.start(small, {});
  const before = await journal.feed.newest();
  /** Number of events of a job. */
  const eventsOfJob = before;

  const load = async (seconds) => {
    const everyMs = (1_000 * eventsOfJob) / EVENTS_A_SECOND;
    const jobs = Math.round((seconds * 1_000) / everyMs);
    const start = performance.now();
    for (let at = 0; at < jobs; at++) {
      server.engine.start(small, {});
      await sleep(Math.max(0, start + (at + 1) * everyMs - performance.now()));
    }
    await sleep(500);
    return jobs * eventsOfJob;
  };

  const heap = () => {
    for (let count = 0; count < 3; count++) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };

  /** What a piece of work costs this process, in ms of CPU. */
  const cpuOf = async (work) => {
    const { user, system } = process.cpuUsage();
    const answer = await work();
    const after = process.cpuUsage();
    return { answer, ms: (after.user + after.system - user - system) / 1_000 };
  };

  const turn = async (ofPort, path) => {
    const bare = heap();
    await ask('open', { port: ofPort, path, count: SUBSCRIBERS, reads: true });
    await sleep(500);
    const bytes = heap() - bare;
    await ask('reset');
    const { answer: sent, ms } = await cpuOf(() => load(SECONDS));
    const { events, p50, p99 } = await ask('report');
    await ask('close');
    await sleep(1_000);
    return { kb: bytes / 1_000 / SUBSCRIBERS, ms, p50, p99, isWhole: events === sent * SUBSCRIBERS };
  };

  await load(1);
  const ways = { 'node responses': [], 'GET /events': [] };
  let idle = 0;
  for (let count = 0; count < TURNS; count++) {
    idle += (await cpuOf(() => load(SECONDS))).ms / TURNS;
    ways['node responses'].push(await turn(directPort, '/'));
    ways['GET /events'].push(await turn(port, '/api/v1/events'));
  }

  const mean = (turns, field) => turns.reduce((sum, one) => sum + one[field], 0) / turns.length;
  const rows = Object.entries(ways).map(([way, turns]) => [
    way,
    mean(turns, 'kb').toFixed(1),
    String(Math.round(mean(turns, 'ms'))),
    `${Math.round(mean(turns, 'p50'))} / ${Math.max(...turns.map(({ p99 }) => p99))}`,
    turns.every(({ isWhole }) => isWhole) ? 'yes' : 'NO',
  ]);
  const load1 = os.loadavg()[0].toFixed(1);
  console.log(
    `\n${SUBSCRIBERS} subscribers, ${EVENTS_A_SECOND} events/s, ${TURNS} turns of ${SECONDS} s; load average ${load1}. Nobody listens: ${Math.round(idle)} ms of CPU.\n`,
  );
  console.log(table(['way', 'KB each', 'CPU ms a turn', 'lag p50 / p99 ms', 'all came'], rows));
  const [directTurns, ours] = Object.values(ways);
  const ratio = mean(ours, 'ms') / mean(directTurns, 'ms');
  const bare = (mean(ours, 'ms') - idle) / (mean(directTurns, 'ms') - idle);
  const kb = mean(ours, 'kb');
  const p99 = Math.max(...ours.map((one) => one.p99));

  const slow = await slowClients({ ask, port, server, large, heap });
  console.log(
    `\n${SLOW} clients that never read, ${slow.jobs} outputs of 2 KB: ${slow.cut} were cut, RSS grew by ${slow.grownMb.toFixed(0)} MB at most.\n`,
  );
  for (const [what, value, most] of [
    ['CPU of GET /events beside node responses', ratio, 1.5],
    ['… without what the jobs cost', bare],
    ['KB a subscriber', kb, 30],
    ['lag p99 in ms', p99, 500],
    ['slow clients that were not cut', SLOW - slow.cut, 0],
    ['MB of RSS for slow clients', slow.grownMb, 100],
  ])
    console.log(
      `${most === undefined ? '  ' : value <= most ? 'ok' : 'NO'}  ${what}: ${value.toFixed(2)}${most === undefined ? '' : ` (at most ${most})`}`,
    );
  child.kill();
  await direct.close();
  await server.close({ graceMs: 0 });
  await journal.close();
};

const slowClients = async ({ ask, port, server, large, heap }) => {
  const jobs = 3_000;
  await ask('open', { port, path: '/api/v1/events', count: SLOW, reads: false });
  heap();
  const before = process.memoryUsage().rss;
  let most = before;
  for (let at = 0; at < jobs; at += 20) {
    await Promise.all(Array.from({ length: 20 }, () => server.engine.start(large, {})));
    most = Math.max(most, process.memoryUsage().rss);
  }
  await sleep(500);
  const { cut } = await ask('resume');
  return { jobs, cut, grownMb: (most - before) / 1e6 };
};

/** The least that such a server can do: one buffer, written to the responses of node. */
const directServer = (journal) => {
  const responses = new Set();
  const http = createHttpServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 2000\n\n');
    responses.add(response);
    response.on('close', () => responses.delete(response));
  });
  let position = 0;
  let timer;
  const read = async () => {
    timer = undefined;
    let text = '';
    for (const change of await journal.feed.changes(position)) {
      const { jobId, fromSeq, toSeq } = change;
      for (const { seq, data, output } of await journal.events(jobId, fromSeq, toSeq - fromSeq + 1)) {
        const event = JSON.parse(data);
        if (output !== undefined) event.output = JSON.parse(output);
        const id = change.position - (toSeq - seq);
        text += `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
      }
      position = change.position;
    }
    const bytes = Buffer.from(text);
    if (bytes.length > 0) for (const response of responses) response.write(bytes);
  };
  const stop = journal.feed.onChange(() => {
    if (responses.size > 0 && !timer) timer = setTimeout(read, FLUSH_MS);
  });
  http.on('request', async () => {
    if (responses.size <= 1) position = await journal.feed.newest();
  });
  return {
    listen: async () => {
      http.listen(0, '127.0.0.1');
      await once(http, 'listening');
      return http.address().port;
    },
    close: () => {
      stop();
      http.closeAllConnections();
      http.close();
    },
  };
};

if (process.argv.includes('--subscribe')) subscribe();
else await measure();
