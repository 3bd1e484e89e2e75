import type { TaskScope } from '../engine/definition/task-function.ts';
import type { SparkAttempt } from '../executors/spark/spark.ts';
import { type BuildContext, expressionScope } from './expression-scope.ts';
import { mapValues } from './map-values.ts';
import { processOptions } from './process-options.ts';
import type { TaskOfType } from './schema.ts';
import { textOf } from './template.ts';

/** Returns the function that evaluates what is submitted to Spark. */
export const sparkAttemptOf = (
  task: TaskOfType<'spark'>,
  context: BuildContext,
  isHandler: boolean,
): ((scope: TaskScope) => SparkAttempt) => {
  const optionsOf = processOptions(task, context, isHandler);
  const { deploy_mode: deployMode } = task;
  const application = textOf(task.application);
  const [className, master] = [task.class, task.master].map((text) => (text === undefined ? undefined : textOf(text)));
  const [jars, pyFiles] = [task.jars, task.py_files].map((list) => list?.map(textOf));
  const conf = mapValues(task.conf ?? {}, textOf);
  return (scope) => {
    const values = expressionScope(scope, context);
    const { args, ...options } = optionsOf(scope);
    const submission = {
      application: application(values),
      className: className?.(values),
      master: master?.(values),
      deployMode,
      args,
      conf: mapValues(conf, (value) => value(values)),
      jars: jars?.map((jar) => jar(values)),
      pyFiles: pyFiles?.map((file) => file(values)),
    };
    return { submission, options };
  };
};
