import {
  flag,
  methods,
  oneOf,
  period,
  positive,
  problemsOf,
  required,
  rule,
  text,
  throwIfInvalid,
} from '../../engine/definition/option-rules.ts';
import { isDefinition } from '../../engine/definition/sealed.ts';
import type { Journal } from '../../engine/durable/journal.ts';
import type { EngineOptions } from '../../engine/engine-options.ts';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import type { UploadLevel } from '../definitions/upload-rules.ts';
import { definedSchedule, type ScheduleDefinition } from '../schedules/define-schedule.ts';
import type { Schedule } from '../schedules/schedule.ts';

export type ServerOptions = Omit<EngineOptions, 'definitions' | 'journal'> & {
  /** Keeps the jobs, and what the server keeps beside them. */
  readonly journal: Journal;
  /** Definitions whose jobs may be started. Default: none. */
  readonly definitions?: readonly AnyDefinition[] | undefined;
  /** A folder of workflow files whose jobs may be started; it is watched. Default: none. */
  readonly workflows?: string | undefined;
  /** When jobs are started: what `defineSchedule` made. Their definitions need not be in `definitions`. Default: none. */
  readonly schedules?: readonly ScheduleDefinition[] | undefined;
  /**
   * Whether a request needs a token. `false`: none does, as for a server within another one that knows who asks.
   * Default: as soon as there is a token; until then, requests of this machine alone are answered.
   */
  readonly tokens?: boolean | undefined;
  /** What may be uploaded. Default `none`. */
  readonly upload?: UploadLevel | undefined;
  /** Names of the secrets that an uploaded file may read. Default: none. */
  readonly uploadSecrets?: readonly string[] | undefined;
  /** The largest body of a request, in bytes. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Number of requests a second that one token may make. Default: no limit. */
  readonly requestsPerSecond?: number | undefined;
  /** Jobs that ended longer ago are removed, in ms; looked for once an hour. Default: none are. */
  readonly pruneAfterMs?: number | undefined;
  /** Whether the web UI is served. Default true. */
  readonly ui?: boolean | undefined;
  /** Whether `/metrics` needs no token. Default false: it needs the role viewer. */
  readonly metricsOpen?: boolean | undefined;
  /** Whether `/metrics` has those of Node.js, too: memory, CPU, event loop. Default false. */
  readonly nodeMetrics?: boolean | undefined;
  /**
   * The path below which browsers reach the server, such as `/tintype` behind a proxy. The web UI makes its addresses of
   * it; requests are answered with it and, for a proxy that takes it away, without it. Default: none.
   */
  readonly basePath?: string | undefined;
};

/** The options of the server, with its defaults, apart from those of its engine. */
export type ServerSettings = {
  readonly definitions: readonly AnyDefinition[];
  readonly workflows: string | undefined;
  readonly schedules: readonly Schedule[];
  readonly tokens: boolean | undefined;
  readonly upload: UploadLevel;
  readonly uploadSecrets: readonly string[];
  readonly maxBodyBytes: number;
  readonly requestsPerSecond: number | undefined;
  readonly pruneAfterMs: number | undefined;
  readonly ui: boolean;
  readonly metricsOpen: boolean;
  readonly nodeMetrics: boolean;
  /** Empty, or a path that begins with a slash and does not end with one. */
  readonly basePath: string;
};

/** Separates the options of the server from those of its engine. @throws OptionError */
export const settingsOf = (
  options: ServerOptions,
): { readonly settings: ServerSettings; readonly engine: EngineOptions } => {
  const {
    definitions,
    workflows,
    schedules,
    tokens,
    upload,
    uploadSecrets,
    maxBodyBytes,
    requestsPerSecond,
    pruneAfterMs,
    ui,
    metricsOpen,
    nodeMetrics,
    basePath,
    ...engine
  } = options ?? {};
  const own = {
    journal: engine.journal,
    definitions,
    workflows,
    schedules,
    tokens,
    upload,
    uploadSecrets,
    maxBodyBytes,
    requestsPerSecond,
    pruneAfterMs,
    ui,
    metricsOpen,
    nodeMetrics,
    basePath,
  };
  throwIfInvalid('The server', problemsOf(own, RULES, { subject: 'The server' }));
  const defined = (schedules ?? []).flatMap((one) => definedSchedule(one) ?? []);
  return {
    settings: {
      definitions: [...new Set([...(definitions ?? []), ...defined.flatMap(({ definition }) => definition ?? [])])],
      workflows,
      schedules: defined.map(({ schedule }) => schedule),
      tokens,
      upload: upload ?? 'none',
      uploadSecrets: uploadSecrets ?? [],
      maxBodyBytes: maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
      requestsPerSecond,
      pruneAfterMs,
      ui: ui ?? true,
      metricsOpen: metricsOpen ?? false,
      nodeMetrics: nodeMetrics ?? false,
      basePath: (basePath ?? '').replace(/\/$/, ''),
    },
    engine,
  };
};

const DEFAULT_MAX_BODY_BYTES = 1024 * 1024;

/** Whether all are schedules, of different names. */
const areSchedules = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((one) => definedSchedule(one) !== undefined) &&
  new Set(value.map(({ name }) => name)).size === value.length;

/** Whether a value is a path that stands in HTML and in headers as it is. */
export const isBasePath = (value: unknown): boolean =>
  typeof value === 'string' && /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*\/?$/.test(value);

const RULES = {
  journal: required(methods('a journal', 'create', 'append', 'jobs')),
  definitions: rule('an array of sealed definitions', (value) => Array.isArray(value) && value.every(isDefinition)),
  workflows: text('the path of a folder'),
  schedules: rule('an array of schedules of defineSchedule, each with a name of its own', areSchedules),
  tokens: flag,
  upload: oneOf('none', 'external', 'http', 'processes'),
  uploadSecrets: rule(
    'an array of names',
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  ),
  maxBodyBytes: positive,
  requestsPerSecond: positive,
  pruneAfterMs: period,
  ui: flag,
  metricsOpen: flag,
  nodeMetrics: flag,
  basePath: rule('a path such as /tintype, of letters, digits, ".", "_", "~" and "-"', isBasePath),
};
