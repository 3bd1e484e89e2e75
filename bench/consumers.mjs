// What is made of events, by tintype and by a program of its own: each contestant returns a function that takes an event.
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import pino from 'pino';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createEngine } from '../dist/index.js';
import { otel } from '../dist/otel.js';
import { pinoEvents } from '../dist/pino.js';
import { prometheus } from '../dist/prometheus.js';

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** prom-client used as its README does: a call with labels for each thing that is counted. */
export const promClientAlone = () => {
  const registers = [new Registry()];
  const about = (name, ...labelNames) => ({ name, help: name, labelNames, registers });
  const jobs = new Gauge(about('jobs', 'job_name', 'state'));
  const tasks = new Gauge(about('tasks', 'job_name', 'state'));
  const transitions = new Counter(about('transitions_total', 'job_name', 'to'));
  const attempts = new Counter(about('attempts_total', 'job_name', 'task', 'outcome'));
  const durations = new Histogram({ ...about('duration_seconds', 'job_name'), buckets: BUCKETS });
  const waits = new Histogram({ ...about('queue_wait_seconds', 'job_name'), buckets: BUCKETS });
  const begun = new Map();
  return ({ type, jobName: job_name, task, from, to, at, readyAt }) => {
    if (type === 'job.transition') {
      if (from !== 'idle') jobs.dec({ job_name, state: from });
      jobs.inc({ job_name, state: to });
    } else if (type === 'task.transition') {
      transitions.inc({ job_name, to });
      if (from !== 'unscheduled') tasks.dec({ job_name, state: from });
      tasks.inc({ job_name, state: to });
      if (to === 'running') {
        waits.observe({ job_name }, (at - readyAt) / 1000);
        begun.set(task, at);
      } else if (from === 'running') {
        attempts.inc({ job_name, task, outcome: to });
        durations.observe({ job_name }, (at - begun.get(task)) / 1000);
        begun.delete(task);
      }
    }
  };
};

/** The same numbers in plain objects and arrays: the least that counting costs. */
export const ownCounters = () => {
  const jobs = new Map();
  const jobOf = (name) => {
    const known = jobs.get(name);
    if (known) return known;
    const job = { states: {}, tasks: {}, to: {}, attempts: new Map(), durations: new Histo(), waits: new Histo() };
    jobs.set(name, job);
    return job;
  };
  const begun = new Map();
  return ({ type, jobName, task, from, to, at, readyAt }) => {
    const job = jobOf(jobName);
    if (type === 'job.transition') {
      job.states[from] = (job.states[from] ?? 0) - 1;
      job.states[to] = (job.states[to] ?? 0) + 1;
    } else if (type === 'task.transition') {
      job.to[to] = (job.to[to] ?? 0) + 1;
      job.tasks[from] = (job.tasks[from] ?? 0) - 1;
      job.tasks[to] = (job.tasks[to] ?? 0) + 1;
      if (to === 'running') {
        job.waits.add((at - readyAt) / 1000);
        begun.set(task, at);
      } else if (from === 'running') {
        const outcomes = job.attempts.get(task) ?? {};
        outcomes[to] = (outcomes[to] ?? 0) + 1;
        job.attempts.set(task, outcomes);
        job.durations.add((at - begun.get(task)) / 1000);
        begun.delete(task);
      }
    }
  };
};

class Histo {
  counts = BUCKETS.map(() => 0);
  sum = 0;
  count = 0;
  add(value) {
    const at = BUCKETS.findIndex((bound) => value <= bound);
    if (at >= 0) this.counts[at]++;
    this.sum += value;
    this.count++;
  }
}

export const ourMetrics = () => {
  const metrics = prometheus(createEngine());
  return (event) => metrics.next(event);
};

/** Renders what `ourMetrics` has counted of the events. */
export const exposition = (events) => {
  const metrics = prometheus(createEngine());
  for (const event of events) metrics.next(event);
  return metrics.register.metrics();
};

/** pino with the objects that tintype logs: two lines a task, a child a job. */
export const pinoAlone = () => {
  const logger = pino({ level: 'info' }, NOWHERE);
  const begun = new Map();
  let log;
  return ({ type, jobId, jobName, task, attempt, from, to, at }) => {
    if (type === 'job.transition') {
      log ??= logger.child({ jobId, jobName });
      log.info({ event: type, from, to }, `${from} -> ${to}`);
    } else if (type === 'task.transition' && to === 'running') {
      begun.set(task, at);
      log.info({ task, attempt, event: type, from, to }, `${task}: ${from} -> ${to}`);
    } else if (type === 'task.transition' && from === 'running') {
      const durationMs = at - begun.get(task);
      begun.delete(task);
      log.info({ task, attempt, event: type, from, to, durationMs }, `${task}: ${from} -> ${to}`);
    }
  };
};

/** The same by tintype; `level` is that of pino. */
export const ourPino =
  (level = 'info') =>
  () =>
    pinoEvents(pino({ level }, NOWHERE));

const NOWHERE = { write: () => {} };

const nothing = () => {};
const settled = async () => {};

/** Everything of OpenTelemetry's SDK but the export. */
const tracerProvider = () => {
  const processor = { onStart: nothing, onEnd: nothing, forceFlush: settled, shutdown: settled };
  return new BasicTracerProvider({ spanProcessors: [processor] });
};

const timeOf = (at) => [Math.floor(at / 1000), (at % 1000) * 1e6];

/** OpenTelemetry's SDK with the spans that tintype makes: one for the job, one for each task and each attempt. */
export const otelAlone = () => {
  const tracer = tracerProvider().getTracer('bare');
  const active = context.active();
  const open = new Map();
  let about;
  let job;
  let inJob;
  return ({ type, jobId, jobName, task, attempt, from, to, at, readyAt }) => {
    const startTime = timeOf(at);
    if (type === 'job.transition') {
      if (from === 'idle') {
        about = { 'tintype.job.id': jobId, 'tintype.job.name': jobName };
        job = tracer.startSpan(`job ${jobName}`, { startTime, attributes: { ...about } }, active);
        inJob = trace.setSpan(active, job);
      } else {
        job.setAttribute('tintype.job.state', to);
        if (to === 'failed') job.setStatus({ code: SpanStatusCode.ERROR });
        job.end(startTime);
      }
    } else if (type === 'task.transition') {
      if (to === 'ready') {
        const attributes = { ...about, 'tintype.task.name': task };
        const span = tracer.startSpan(`task ${task}`, { startTime, attributes }, inJob);
        span.addEvent('ready', undefined, startTime);
        open.set(task, { span, attempt: undefined });
      } else if (to === 'running') {
        const known = open.get(task);
        const attributes = {
          ...about,
          'tintype.task.name': task,
          'tintype.queue_wait_ms': at - readyAt,
          'tintype.attempt': attempt,
        };
        const options = { startTime, attributes };
        known.attempt = tracer.startSpan(`attempt ${attempt}`, options, trace.setSpan(active, known.span));
      } else {
        const known = open.get(task);
        open.delete(task);
        known.attempt.setAttribute('tintype.task.state', to);
        known.attempt.end(startTime);
        known.span.setAttribute('tintype.task.state', to);
        known.span.end(startTime);
      }
    }
  };
};

export const ourOtel = () => {
  const { intercept, next } = otel({ tracerProvider: tracerProvider() });
  return (event) => {
    startJob(intercept, event);
    next(event);
  };
};

const startJob = (intercept, { type, jobId, jobName, from, at }) => {
  if (type === 'job.transition' && from === 'idle') intercept.job({ jobId, jobName, at, resumption: 0 });
};

/** How many attempts are under way at once, of those whose context is entered. */
const UNDER_WAY = 100;

/** Calls `call` as often as tasks have begun to run, with what stands for the first of them in turn. */
const inTurn = (events, ofTask, call) => {
  const running = events.filter(({ to, type }) => type === 'task.transition' && to === 'running');
  const first = running.slice(0, UNDER_WAY).map(ofTask);
  return () => {
    for (let count = 0; count < running.length; count++) call(first[count % UNDER_WAY]);
  };
};

/** Runs a function in the context of each attempt, of a job whose attempts are under way. */
export const ourIntercept = (events) => {
  const { intercept, next } = otel({ tracerProvider: tracerProvider() });
  const run = inTurn(
    events,
    ({ jobId, task }) => ({ jobId, taskName: task }),
    (scope) => intercept(scope, nothing),
  );
  const begun = new Set(
    events
      .filter(({ to }) => to === 'running')
      .slice(0, UNDER_WAY + 1)
      .map(({ task }) => task),
  );
  for (const event of events) {
    if (event.to === 'completed' || !begun.has(event.task)) continue;
    startJob(intercept, event);
    next(event);
  }
  const scope = { jobId: events[0].jobId, taskName: [...begun].at(-1) };
  intercept(scope, nothing);
  if (!scope.trace) throw new Error(`The attempt of ${scope.taskName} is not under way.`);
  return run;
};

/** The same with OpenTelemetry's API, if the spans are at hand. */
export const bareIntercept = (events) => {
  const tracer = tracerProvider().getTracer('bare');
  return inTurn(
    events,
    ({ task }) => tracer.startSpan(task),
    (span) => context.with(trace.setSpan(context.active(), span), nothing),
  );
};
