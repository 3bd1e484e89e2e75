import { type AnyDefinition, defineJob, type Journal } from 'tintype';
import { describe, expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';
import { begun, ended, resumed } from '../../support/resumed-job.ts';
import { turns } from '../../support/turns.ts';

/** Never comes back: what a function does whose process dies. */
const hang = (): Promise<never> => new Promise(() => {});

describe('a job whose definition has changed since it was started', () => {
  const version = (more: (job: ReturnType<typeof base>) => AnyDefinition): AnyDefinition => more(base());
  const ran: string[] = [];
  const world = { alive: true };
  const base = () =>
    defineJob('etl').task('extract', async () => {
      ran.push('extract');
      if (world.alive) await hang();
      return { rows: 1 };
    });
  const first = version((job) =>
    job
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .seal(),
  );
  const second = version((job) =>
    job
      .task('check', { dependsOn: ['extract'] }, () => void ran.push('check'))
      .task('load', { dependsOn: ['extract', 'check'] }, () => void ran.push('load'))
      .seal(),
  );

  const dead = async (definition: AnyDefinition = first): Promise<Journal> => {
    ran.length = 0;
    world.alive = true;
    const { store, die } = begun(definition);
    await turns();
    die();
    world.alive = false;
    return store;
  };

  test('is refused where a sensor that is out of time would now be skipped', async () => {
    const watching = (options: { readonly softFail?: boolean }) =>
      version((job) => job.sensor('file', { dependsOn: ['extract'], ...options }, () => true).seal());
    const error = await resumed(await dead(watching({})), watching({ softFail: true })).catch((thrown) => thrown);
    expect(error.changes).toEqual([{ kind: 'changed', task: 'file', what: 'has softFail true' }]);
  });

  test('is refused, with all that has changed, and stays as it was', async () => {
    const store = await dead();
    const error = await resumed(store, second).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'DEFINITION_CHANGED',
      changes: [
        { kind: 'added', task: 'check' },
        { kind: 'removed', task: 'tell' },
        { kind: 'changed', task: 'load', what: 'depends on check, extract instead of extract' },
      ],
    });
    for (const text of [
      '"check" was added',
      '"tell" was removed',
      '"load" depends on check, extract instead of extract',
    ])
      expect(error.message).toContain(text);
    expect((await store.job('one'))?.lease).toBeUndefined();
    expect((await ended(store, first)).state).toBe('completed');
  });

  test('goes on with what is accepted, as long as what has changed has not begun', async () => {
    const store = await dead();
    const { job } = await resumed(store, second, { changed: 'accept' });
    const events = heard(job);
    const { state, tasks } = await job;
    expect([state, ran]).toEqual(['completed', ['extract', 'extract', 'check', 'load']]);
    expect(Object.keys(tasks)).toEqual(['extract', 'check', 'load']);
    expect(events[0]).toMatchObject({
      type: 'job.resumed',
      changes: ['"check" was added', '"tell" was removed', '"load" depends on check, extract instead of extract'],
    });
    // From now on it is a job of the new definition.
    expect((await ended(store, second)).state).toBe('completed');
  });

  test('is refused where what has changed has begun, unless it is forced', async () => {
    const store = await dead();
    const third = defineJob('etl')
      .external('wait')
      .task('extract', { dependsOn: ['wait'] }, () => void ran.push('extract anew'))
      .task('load', { dependsOn: ['extract'] }, () => void ran.push('load'))
      .task('tell', { dependsOn: ['load'] }, () => void ran.push('tell'))
      .seal();
    const error = await resumed(store, third, { changed: 'accept' }).catch((thrown) => thrown);
    expect([error.code, error.message]).toEqual([
      'DEFINITION_CHANGED',
      expect.stringContaining('"extract" depends on wait instead of nothing'),
    ]);
    expect(error.message).not.toContain('"wait" was added');
    const { job } = await resumed(store, third, { changed: 'force' });
    await turns();
    void job.task('wait').complete();
    expect((await job).state).toBe('completed');
    expect(ran).toEqual(['extract', 'extract anew', 'load', 'tell']);
  });

  test('tells a change within a nested job by its path', async () => {
    const inner = (dependsOn: 'a'[]) =>
      defineJob('inner')
        .task('a', hang)
        .task('b', { dependsOn }, () => {})
        .seal();
    const outer = (dependsOn: 'a'[]) => defineJob('outer').job('part', {}, inner(dependsOn)).seal();
    const store = await dead(outer(['a']));
    const error = await resumed(store, outer([])).catch((thrown) => thrown);
    expect(error.changes).toEqual([{ kind: 'changed', task: 'part/b', what: 'depends on nothing instead of a' }]);
  });
});
