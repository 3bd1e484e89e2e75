import { Link } from 'wouter';
import { ActionButton } from '../actions/action-button.tsx';
import { useAction } from '../actions/use-action.ts';
import { request } from '../api/request.ts';
import { usePolled } from '../api/use-polled.ts';
import { durationText } from '../text/duration.ts';
import { countText } from '../text/number.ts';
import { stampText, useZone } from '../text/time.ts';

type Schedule = {
  readonly name: string;
  readonly definition: string;
  readonly cron?: string;
  readonly every?: number;
  readonly timezone: string;
  readonly enabled: boolean;
  readonly paused?: { readonly at: number; readonly reason?: string };
  readonly nextDue?: number;
  readonly failures: number;
};

/** The schedules, or those of one definition. */
export const Schedules = ({ definition }: { readonly definition?: string }) => {
  useZone();
  const { value, error, reload } = usePolled(
    'schedules',
    (signal) => request<{ items: readonly Schedule[] }>('/schedules', { query: { limit: 500 }, signal }),
    5000,
  );
  const schedules = value?.items.filter((one) => definition === undefined || one.definition === definition) ?? [];
  if (schedules.length === 0 && error === undefined) return null;
  return (
    <section className="group">
      <h2>Schedules</h2>
      {error === undefined ? null : <p className="bad">{error.message}</p>}
      <ul>
        {schedules.map((schedule) => (
          <Entry key={schedule.name} schedule={schedule} onDone={reload} />
        ))}
      </ul>
    </section>
  );
};

const Entry = ({ schedule, onDone }: { readonly schedule: Schedule; readonly onDone: () => void }) => {
  const { name, definition, cron, every, timezone, enabled, paused, nextDue, failures } = schedule;
  const post = (verb: string, key?: string) =>
    request(`/schedules/${encodeURIComponent(name)}/${verb}`, {
      method: 'POST',
      body: {},
      ...(key === undefined ? {} : { idempotencyKey: key }),
    }).then(onDone);
  const trigger = useAction(() => post('trigger'));
  const pause = useAction(() => post('pause'), String(paused !== undefined));
  const resume = useAction(() => post('resume'), String(paused !== undefined));
  return (
    <li className="entry">
      <div className="entry-line">
        <b className="cut">{name}</b>
        <Link href={`/definitions/${encodeURIComponent(definition)}`}>{definition}</Link>
        <code>{cron ?? `every ${durationText(every)}`}</code>
        <span className="dim">{timezone}</span>
        <span className="dim">
          {!enabled
            ? 'off'
            : paused !== undefined
              ? `paused${paused.reason === undefined ? '' : `: ${paused.reason}`}`
              : nextDue === undefined
                ? 'never due again'
                : `next ${stampText(nextDue)}`}
        </span>
        {failures > 0 ? <span className="bad">{countText(failures, 'failure')} in a row</span> : null}
        <Link href={`/?label=${encodeURIComponent(`schedule:${name}`)}`}>its jobs</Link>
        <span className="commands">
          <ActionButton
            action={trigger}
            label="Start now"
            question={`A job of ${definition} starts now.`}
            confirm="Start"
          />
          {paused === undefined ? (
            <ActionButton action={pause} label="Pause" />
          ) : (
            <ActionButton action={resume} label="Resume" isPrimary />
          )}
        </span>
      </div>
    </li>
  );
};
