import { resolve } from 'node:path';
import type { TaskScope } from '../engine/definition/task-function.ts';
import type { SqlOptions, SqlQuery } from '../executors/sql/query.ts';
import { type BuildContext, expressionScope } from './expression-scope.ts';
import type { TaskOfType } from './schema.ts';
import { dataOf, textOf } from './template.ts';

export const sqlOptions = ({ workflow: { max_output_bytes: maxOutputBytes } }: BuildContext): SqlOptions =>
  maxOutputBytes === undefined ? {} : { maxOutputBytes };

type StatementKeys = Pick<TaskOfType<'sql'>, 'database' | 'query' | 'params'>;

/** Returns the function that evaluates a statement: a path names a file, anything with a scheme a server. */
export const statementOf = (task: StatementKeys, context: BuildContext): ((scope: TaskScope) => SqlQuery) => {
  const database = textOf(task.database);
  const params = task.params === undefined ? undefined : dataOf(task.params);
  return (scope) => {
    const values = expressionScope(scope, context);
    const named = database(values);
    return {
      database:
        named === ':memory:' || /^[a-z][a-z0-9+.-]+:\/\//i.test(named) ? named : resolve(context.directory, named),
      query: task.query,
      ...(params ? { params: params(values) as NonNullable<SqlQuery['params']> } : {}),
    };
  };
};
