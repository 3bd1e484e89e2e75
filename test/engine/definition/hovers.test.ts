import { beforeAll, describe, expect, test } from 'vitest';
import { type Shown, shownBy } from '../../support/language-service.ts';

const PROGRAM = `
import { defineJob } from '../src/index.ts';

const /*?*/definition = defineJob<{ folder: string }>('thumbnails')
  .task('list', ({ /*?*/ctx }) => ({ files: [ctx.folder] }))
  ./*?*/map('shrink', { dependsOn: ['list'], over: ({ ctx }) => ctx.files }, ({ /*?*/item, checkpoint }) => {
    const { /*?*/last } = checkpoint<{ row: number }>();
    return item.length + (last?.row ?? 0);
  })
  ./*?*/task('report', { dependsOn: ['shrink'], when: () => true }, ({ /*?*/deps }) => ({ report: deps.shrink.join() }))
  .seal();
const /*?*/job = definition.start({ folder: 'img' });
export const /*?*/handle = job.task('shrink[3]');
export const /*?*/sizes = await job.output('shrink');
export const /*?*/whole = await job.orThrow();
export const { /*?*/tasks } = await job;

job.task('shrnk');
job.output('shrnk');
job.retry({ tasks: ['shrnk'] });
defineJob('job').task('a', () => {}).task('b', { dependsOn: ['aa'] }, () => {});
defineJob('job').task('a', { maxRetrys: 1 }, () => {});
defineJob('job').sensor('s', {}, () => undefined);
defineJob('job').task('a', () => {}).task('a', () => {});
`;

let shown: Shown;
beforeAll(async () => {
  shown = await shownBy(PROGRAM);
}, 60_000);

describe('an editor shows', () => {
  test.each([
    [
      'definition',
      'const definition: JobDefinition<{ folder: string; }, NamedType<"shrink", readonly number[], "certain"> | TaskType<"list", { files: string[]; }, "certain"> | TaskType<"report", { report: string; }, "maySkip">, { folder: string; }>',
    ],
    [
      'job',
      'const job: Job<{ folder: string; }, NamedType<"shrink", readonly number[], "certain"> | TaskType<"list", { files: string[]; }, "certain"> | TaskType<"report", { report: string; }, "maySkip">>',
    ],
    ['ctx', '(parameter) ctx: { readonly folder: string; }'],
    ['deps', '(parameter) deps: { readonly shrink: readonly number[]; }'],
    ['item', '(parameter) item: string'],
    ['last', 'const last: { row: number; } | undefined'],
    ['handle', 'const handle: TaskHandle<object | undefined>'],
    ['sizes', 'const sizes: readonly number[]'],
    [
      'whole',
      'const whole: { readonly folder: string; readonly files: string[]; readonly report?: string; readonly shrink: readonly number[]; }',
    ],
    ['tasks', 'const tasks: Readonly<Record<"list" | "report" | "shrink", TaskResult>>'],
  ])('over %s what a person can read', (word, types) => {
    const hover = shown.hovers.get(word) ?? '';
    expect(hover.replaceAll(/\s+/g, ' ').slice(0, types.length)).toBe(types);
    expect(hover.length).toBeLessThanOrEqual(300);
  });

  // TypeScript shows all type arguments of a call, then its parameters until it has written about 160 characters of names.
  test.each([
    [
      'task',
      '(method) Builder.task<"report", { report: string; }, { folder: string; }, ',
      'Adds a task with options.',
      735,
    ],
    ['map', '(method) Builder.map<"shrink", string, number, { folder: string; }, ', 'Adds a fan-out: ', 735],
  ])('over .%s( its name, what is new, what is known, and what it does', (word, types, description, longest) => {
    const hover = shown.hovers.get(word) ?? '';
    expect(hover.replaceAll(/\s+/g, ' ').slice(0, types.length)).toBe(types);
    expect(hover).toMatch(/, options: \w*Options<"(list|shrink)", false, "allSuccess", [^&]*>, run: \(scope: ScopeOf</);
    expect(hover).toContain(`): JobBuilder<...>${description}`);
    expect(hover.length).toBeLessThanOrEqual(longest);
  });
});

test('the errors name what there is, or say what is wanted', () => {
  expect(shown.errors).toEqual([
    `Argument of type '"shrnk"' is not assignable to parameter of type 'TaskPath<"list" | "report" | "shrink">'.`,
    `Argument of type '"shrnk"' is not assignable to parameter of type '"list" | "report" | "shrink"'.`,
    `Type '"shrnk"' is not assignable to type 'TaskPath<"list" | "report" | "shrink">'. Did you mean '"shrink"'?`,
    `Type '"aa"' is not assignable to type '"a"'.`,
    expect.stringMatching(/'maxRetrys' does not exist in type .* Did you mean to write 'maxRetries'\?$/),
    `Type 'undefined' is not assignable to type '"A sensor answers true or an output when it is ready, false or notReady(reason) when it is not yet"'.`,
    `Argument of type '"a"' is not assignable to parameter of type '"A task named \\"a\\" is already defined"'.`,
  ]);
});
