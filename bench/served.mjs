// A server for bench/server.mjs, in a process of its own: node bench/served.mjs tintype|raw DATABASE normal|full
// `raw` is what somebody would write with node's http alone: the same engine and journal, claims that wait and that are
// kept before they are answered, the same units in answers; no checks of requests, no tokens, no lists.
import { createServer as createHttpServer } from 'node:http';
import { createEngine, jobFrom } from '../dist/index.js';
import { createServer } from '../dist/server.js';
import { sqliteJournal } from '../dist/sqlite.js';

const [, , kind, file, synchronous] = process.argv;
const journal = sqliteJournal(file, { synchronous });

const rawServer = () => {
  const engine = createEngine({ journal });
  const ready = [];
  const waiting = [];
  const giveOut = () => {
    while (ready.length > 0 && waiting.length > 0) waiting.shift()();
  };
  engine.events$.subscribe((event) => {
    if (event.type !== 'task.transition' || event.to !== 'ready' || !event.task.includes('/')) return;
    ready.push({ jobId: event.jobId, path: event.task });
    if (waiting.length > 0) queueMicrotask(giveOut);
  });
  const claim = async ({ worker, leaseMs, waitMs }) => {
    if (ready.length === 0) {
      await new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(go), 1);
          resolve();
        }, waitMs);
        const go = () => {
          clearTimeout(timer);
          resolve();
        };
        waiting.push(go);
      });
    }
    const unit = ready.shift();
    if (!unit) return { units: [] };
    const job = engine.job(unit.jobId);
    const task = job.task(unit.path);
    const token = task.claim(worker, { leaseMs });
    const claimed = { ...bodyOf(unit.jobId, task, 'claimed'), token };
    await job.saved();
    return { units: [claimed] };
  };
  const command = async (id, { output, token }) => {
    const at = id.indexOf('.');
    const jobId = id.slice(0, at);
    const task = engine.job(jobId).task(id.slice(at + 1));
    await task.complete(output, token);
    return { unit: { ...bodyOf(jobId, task, 'completed'), output } };
  };
  const bodyOf = (jobId, task, state) => {
    const at = task.name.lastIndexOf('/');
    const { owner, data, worker, leaseEndsAt } = task;
    return {
      id: `${jobId}.${task.name}`,
      jobId,
      task: task.name.slice(0, at),
      name: task.name.slice(at + 1),
      owner,
      state,
      attempt: task.attempts,
      worker,
      leaseEndsAt,
      priority: 0,
      data,
      deps: {},
    };
  };
  const http = createHttpServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', async () => {
      const body = JSON.parse(text);
      const parts = request.url.split('/');
      const answer = request.url.endsWith('/claim')
        ? await claim(body)
        : await command(decodeURIComponent(parts[4]), body);
      const bytes = JSON.stringify(answer);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) });
      response.end(bytes);
    });
  });
  return {
    engine,
    listen: () =>
      new Promise((resolve) => {
        http.listen(0, '127.0.0.1', () => resolve({ url: `http://127.0.0.1:${http.address().port}` }));
      }),
    close: async () => {
      http.closeAllConnections();
      http.close();
      await engine.close({ mode: 'abort', graceMs: 0 });
    },
  };
};

const server = kind === 'raw' ? rawServer() : createServer({ journal });
const { url } = await server.listen({ port: 0 });
await server.ready;

const jobOf = (units) =>
  jobFrom('many', [
    {
      kind: 'job',
      name: 'all',
      input: () => ({}),
      definition: jobFrom(
        'all',
        Array.from({ length: units }, (_, at) => ({
          kind: 'external',
          name: `unit${at}`,
          owner: 'any',
          data: { at },
          onMissedHeartbeat: 'release',
        })),
        { onFailure: 'continue' },
      ),
    },
  ]);

process.on('message', async ({ ask, jobs, units }) => {
  if (ask === 'start') {
    const definition = jobOf(units);
    let missing = jobs * units;
    const allReady = new Promise((resolve) => {
      const subscription = server.engine.events$.subscribe((event) => {
        if (event.type !== 'task.transition' || event.to !== 'ready' || !event.task.includes('/')) return;
        if (--missing > 0) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    const started = Array.from({ length: jobs }, () => server.engine.start(definition, {}));
    await allReady;
    await Promise.all(started.map((job) => job.saved()));
  }
  if (ask === 'end') {
    await server.close({ graceMs: 0 });
    await journal.close();
    process.disconnect();
  }
  const { user, system } = process.cpuUsage();
  if (process.connected) process.send({ cpuUs: user + system });
});
process.send({ url });
