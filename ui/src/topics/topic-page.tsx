import { Link } from 'wouter';
import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import { jobHref, taskHref } from '../shell/links.tsx';
import { NotFound } from '../shell/not-found.tsx';
import { Page } from '../shell/page.tsx';
import { Glyph } from '../states/glyph.tsx';
import { JOB_STATES_SHOWN, wordOf } from '../states/states.ts';
import { numberText } from '../text/number.ts';
import { pathOfUnit } from '../units/unit-id.ts';

type Topic = {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly archivedAt?: number;
  readonly jobs: Readonly<Record<string, number>>;
};

type Unit = {
  readonly id: string;
  readonly name: string;
  readonly owner?: string;
  readonly state: string;
  readonly worker?: string;
};

type Groups = {
  readonly topics: readonly {
    readonly jobs: readonly {
      readonly id: string;
      readonly name: string;
      readonly tasks: readonly { readonly task?: string; readonly units: readonly Unit[] }[];
    }[];
  }[];
};

const groupsIn = (topic: string, state: string, signal: AbortSignal): Promise<Groups> =>
  request<Groups>('/units', { query: { topic, state, group: true, limit: 200 }, signal });

/** A topic: its jobs by state, and the inbox of their units by job and task. */
export const TopicPage = ({ name }: { readonly name: string }) => {
  const topic = usePolled(`topic ${name}`, (signal) =>
    request<Topic>(`/topics/${encodeURIComponent(name)}`, { signal }),
  );
  const inbox = usePolled(`inbox ${name}`, async (signal) => {
    const [ready, claimed] = await Promise.all([groupsIn(name, 'ready', signal), groupsIn(name, 'claimed', signal)]);
    // Between the answers somebody may have claimed a unit, which then is in both.
    const seen = new Set<string>();
    const isNew = ({ id }: Unit): boolean => !seen.has(id) && seen.add(id).size > 0;
    return [...claimed.topics, ...ready.topics]
      .flatMap(({ jobs }) => jobs)
      .map((job) => ({ ...job, tasks: job.tasks.map((one) => ({ ...one, units: one.units.filter(isNew) })) }));
  });
  if (topic.error?.status === 404) return <NotFound text={`There is no topic ${name}.`} />;
  const { value } = topic;
  const jobs = Map.groupBy(inbox.value ?? [], ({ id }) => id);
  return (
    <Page title={value?.title ?? name} error={topic.error ?? inbox.error} isLoading={value === undefined}>
      {value?.description === undefined ? null : <p>{value.description}</p>}
      <section className="group">
        <h2>Jobs</h2>
        <p className="tally">
          {JOB_STATES_SHOWN.filter((state) => (value?.jobs[state] ?? 0) > 0).map((state) => (
            <Link key={state} href={`/?topic=${encodeURIComponent(name)}&state=${state}`} className="state-name">
              <Glyph state={state} />
              {numberText(value?.jobs[state] ?? 0)} {wordOf(state)}
            </Link>
          ))}
          <Link href={`/?topic=${encodeURIComponent(name)}`}>all</Link>
        </p>
      </section>
      <section className="group">
        <h2>Inbox</h2>
        {jobs.size === 0 ? <p className="dim">No unit of this topic is ready or claimed.</p> : null}
        {[...jobs].map(([id, parts]) => (
          <div key={id} className="entry">
            <h3>
              <Link href={jobHref(id)}>{parts[0]?.name}</Link> <code className="dim">{id}</code>
            </h3>
            {parts
              .flatMap(({ tasks }) => tasks)
              .filter(({ units }) => units.length > 0)
              .map(({ task, units }) => (
                <ul key={`${task} ${units[0]?.id}`}>
                  {units.map((unit) => (
                    <li key={unit.id} className="entry-line">
                      <Link href={taskHref(id, pathOfUnit(unit.id))} className="cut">
                        {task === undefined ? '' : `${task} / `}
                        {unit.name}
                      </Link>
                      <span className="dim">{unit.owner ?? 'operators'}</span>
                      <span className="dim">
                        {unit.worker === undefined ? unit.state : `${unit.worker} works on it`}
                      </span>
                    </li>
                  ))}
                </ul>
              ))}
          </div>
        ))}
      </section>
    </Page>
  );
};
