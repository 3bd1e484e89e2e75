import { defineJob, SchemaError } from 'tintype';
import { z } from 'zod';

const Input = z.object({ city: z.string(), days: z.number().int().positive().default(2) });
const Forecast = z.object({
  rows: z.array(z.object({ day: z.string(), celsius: z.string().transform(Number).pipe(z.number().max(60)) })),
});

/** What a service answers: text for numbers, and for Mars nonsense. */
const ask = (city: string, days: number) => ({
  rows: ['monday', 'tuesday', 'wednesday']
    .slice(0, days)
    .map((day, index) => ({ day, celsius: city === 'Mars' ? `${index * 999}` : `${18 + index}.5` })),
});

const weather = defineJob('weather', { input: Input })
  .task('fetch', { output: Forecast, maxRetries: 3 }, ({ ctx }) => ask(ctx.city, ctx.days))
  .task('average', { dependsOn: ['fetch'] }, ({ deps, ctx }) => {
    const sum = deps.fetch.rows.reduce((total, { celsius }) => total + celsius, 0);
    return { average: sum / ctx.days };
  })
  .seal();

console.log(JSON.stringify(await weather.start({ city: 'Oslo' }).orThrow()));

try {
  weather.start({ city: 'Oslo', days: 0 });
} catch (error) {
  if (!(error instanceof SchemaError)) throw error;
  console.log(error.code);
  for (const { path, message } of error.violations) console.log(`  ${path}: ${message}`);
}

const { state, tasks } = await weather.start({ city: 'Mars' });
console.log(
  `the job ${state}: fetch ${tasks.fetch.state} in attempt ${tasks.fetch.attempts}, ${tasks.fetch.error?.code}`,
);
const cause = tasks.fetch.error?.cause;
if (cause instanceof SchemaError) {
  for (const { path, message } of cause.violations) console.log(`  ${path}: ${message}`);
}
