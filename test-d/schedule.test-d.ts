import { defineJob } from 'tintype';
import { defineSchedule } from 'tintype/server';
import { test } from 'vitest';

const report = defineJob<{ due: string; rows?: number }>('report')
  .task('write', ({ ctx }) => ({ text: ctx.due }))
  .seal();

test('the input of a schedule is that of its definition', () => {
  defineSchedule({ name: 'a', definition: report, cron: '@daily', input: { due: 'x', rows: 3 } });
  defineSchedule({ name: 'b', definition: 'report', cron: '@daily', input: { params: { due: 'x' } } });
  // @ts-expect-error: a number is no text
  defineSchedule({ name: 'c', definition: report, cron: '@daily', input: { due: 3 } });
  // @ts-expect-error: there is no such policy
  defineSchedule({ name: 'd', definition: report, cron: '@daily', overlap: 'wait' });
});
