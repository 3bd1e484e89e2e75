import { MASKED } from '../mask/mask.ts';

/** What `spark-submit` is told. */
export type Submission = {
  /** The cluster: `yarn`, `spark://host:port`, `k8s://https://host:port`, `local[4]`. Default: that of spark-defaults.conf. */
  readonly master?: string | undefined;
  /** Where the driver runs: in the client, or in the cluster. Default: that of spark-defaults.conf, else `client`. */
  readonly deployMode?: 'client' | 'cluster' | undefined;
  /** The main class of an application in a jar. */
  readonly className?: string | undefined;
  /** The path or URL of a jar, or of a Python or R file. */
  readonly application: string;
  /** Arguments of the application. */
  readonly args?: readonly string[] | undefined;
  /** Properties, such as `spark.executor.memory`. */
  readonly conf?: Readonly<Record<string, string>> | undefined;
  readonly jars?: readonly string[] | undefined;
  readonly pyFiles?: readonly string[] | undefined;
};

export const masterOf = ({ master, conf }: Submission): string | undefined => master ?? conf?.['spark.master'];

export const deployModeOf = ({ deployMode, conf }: Submission): string | undefined =>
  deployMode ?? conf?.['spark.submit.deployMode'];

/** Returns the arguments of `spark-submit`. */
export const submitArguments = (submission: Submission): readonly string[] => {
  const { deployMode, className, application, args = [], jars = [], pyFiles = [] } = submission;
  return [
    ...masterArguments(submission),
    ...(deployMode === undefined ? [] : ['--deploy-mode', deployMode]),
    ...(className === undefined ? [] : ['--class', className]),
    ...(jars.length === 0 ? [] : ['--jars', jars.join(',')]),
    ...(pyFiles.length === 0 ? [] : ['--py-files', pyFiles.join(',')]),
    ...confArguments(submission),
    ...waitArguments(submission),
    application,
    ...args,
  ];
};

export const masterArguments = ({ master }: Submission): readonly string[] =>
  master === undefined ? [] : ['--master', master];

export const confArguments = ({ conf = {} }: Submission): readonly string[] =>
  Object.entries(conf).flatMap(([key, value]) => ['--conf', `${key}=${value}`]);

/**
 * Without it, the client of a standalone cluster leaves its driver alone. The others wait by default.
 * https://spark.apache.org/docs/latest/spark-standalone.html: `spark.standalone.submit.waitAppCompletion`, since 3.1.0.
 */
const waitArguments = (submission: Submission): readonly string[] => {
  const master = masterOf(submission);
  const mayBeStandalone = master === undefined || master.startsWith('spark://');
  if (deployModeOf(submission) !== 'cluster' || !mayBeStandalone || submission.conf?.[STANDALONE_WAIT]) return [];
  return ['--conf', `${STANDALONE_WAIT}=true`];
};

const STANDALONE_WAIT = 'spark.standalone.submit.waitAppCompletion';

/** Whether the client is to wait for the end of the application. */
export const waitsForEnd = ({ conf = {} }: Submission): boolean =>
  !Object.entries(conf).some(([key, value]) => key.endsWith('.waitAppCompletion') && value === 'false');

/** Returns the command as a log shows it, without the values of properties that are secret by their names. */
export const shownCommand = (args: readonly string[]): string =>
  ['spark-submit', ...args.map((arg, index) => (args[index - 1] === '--conf' ? withoutSecret(arg) : arg))]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');

const withoutSecret = (property: string): string => {
  const [key = ''] = property.split('=', 1);
  return SECRET.test(key) ? `${key}=${MASKED}` : property;
};

/** The default of `spark.redaction.regex` (https://spark.apache.org/docs/latest/configuration.html). */
const SECRET = /secret|password|token|access[.]?key/i;
