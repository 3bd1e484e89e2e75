import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import type { JsonSchema } from '../forms/schema-form.tsx';
import { NotFound } from '../shell/not-found.tsx';
import { Page } from '../shell/page.tsx';
import { DefinitionGraph, type DefinitionTask } from './definition-graph.tsx';
import { DefinitionMetrics } from './definition-metrics.tsx';
import { DefinitionRuns } from './definition-runs.tsx';
import type { DefinitionSummary } from './definitions-page.tsx';
import { Schedules } from './schedules.tsx';
import { StartForm } from './start-form.tsx';

type Definition = DefinitionSummary & {
  readonly tasks?: readonly DefinitionTask[];
  readonly params?: JsonSchema;
  readonly text?: string;
};

/** A definition: its graph, its last jobs, how long its tasks take, its schedules, and a form to start it. */
export const DefinitionPage = ({ name }: { readonly name: string }) => {
  const { value, error } = usePolled(
    `definition ${name}`,
    (signal) => request<Definition>(`/definitions/${encodeURIComponent(name)}`, { signal }),
    5000,
  );
  if (error?.status === 404) return <NotFound text={`There is no definition ${name}.`} />;
  return (
    <Page title={name} error={error} isLoading={value === undefined}>
      {value === undefined ? null : (
        <>
          <p className="dim">{value.file ?? `from ${value.source}`}</p>
          {value.description === undefined ? null : <p>{value.description}</p>}
          {value.problems.map((problem, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two problems may say the same
            <div key={place} className="why failed problem">
              <p>
                {problem.line === undefined ? '' : `${problem.line}:${problem.column ?? 1} `}
                {problem.message} <code>{problem.code}</code>
              </p>
              {problem.frame === undefined ? null : <pre>{problem.frame}</pre>}
            </div>
          ))}
          {value.tasks === undefined ? null : <DefinitionGraph tasks={value.tasks} />}
          <StartForm
            definition={name}
            params={value.params}
            refusal={value.startable ? undefined : 'It has problems: nothing can be started of it'}
          />
          <Schedules definition={name} />
          <DefinitionMetrics name={name} />
          <DefinitionRuns name={name} />
          {value.text === undefined ? null : (
            <details className="group">
              <summary>The file</summary>
              <pre className="output">{value.text}</pre>
            </details>
          )}
        </>
      )}
    </Page>
  );
};
