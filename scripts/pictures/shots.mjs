// What is pictured: the address, and what is done on the page before.
const PHONE = [390, 844];
const job = (id, query = '') => `/jobs/${id}${query}`;

/** Moves the pointer over a place of the graph, given in parts of its size. */
const hoverGraph = (x, y) => async (page) => {
  const box = await page.locator('.graph canvas').boundingBox();
  await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
};
/** Moves the pointer over the bars of the timeline, to a row. */
const hoverRow = (row) => (page) => page.locator('.bars').hover({ position: { x: 260, y: 24 * row + 12 } });
const press = (name) => (page) => page.getByRole('button', { name, exact: true }).first().click();
const toMetrics = (page) => page.getByText('Durations').evaluate((one) => one.closest('section').scrollIntoView());
const key = (name) => (page) => page.keyboard.press(name);

const STATES = [
  'completed',
  'failed',
  'after_the_failure',
  'running',
  'ready',
  'retrying',
  'polling',
  'paused',
  'not_ready',
  'skipped',
  'unscheduled',
  'approve',
];

export const README_SHOTS = [
  { name: 'job-10000', path: job('night-10000', '?task=clean_mail'), themes: ['dark'], type: 'jpeg' },
  { name: 'job-why', path: job('pipeline-14', '?task=draw_chart'), themes: ['light'], size: [1280, 780] },
];

export const SHOTS = [
  { name: 'jobs' },
  { name: 'jobs-filtered', path: '/?state=failed,running&q=train' },
  { name: 'jobs-nothing-found', path: '/?q=nothing-like-this' },
  { name: 'jobs-none', server: 'empty' },
  { name: 'jobs-phone', size: PHONE },
  { name: 'keys', act: key('?') },
  { name: 'job-10000', path: job('night-10000') },
  { name: 'job-10000-failed', path: job('night-10000', '?task=clean_mail&state=failed,skipped') },
  { name: 'job-10000-critical', path: job('night-10000', '?path=critical') },
  { name: 'job-10000-graph', path: job('night-10000', '?view=graph&open=mart_sales') },
  { name: 'job-10000-time', path: job('night-10000', '?view=time&open=mart_sales,clean_mail') },
  { name: 'job-10000-tip', path: job('night-10000'), act: hoverGraph(0.5, 0.3) },
  { name: 'job-10000-item', path: job('night-10000', '?task=clean_mail%5B40%5D') },
  { name: 'job-10000-find', path: job('night-10000', '?find=mail') },
  { name: 'job-10000-replay', path: job('night-10000', '?at=300000') },
  { name: 'job-10000-range', path: job('night-10000', '?range=600000-780000') },
  { name: 'job-10000-around', path: job('night-10000', '?task=mart_sales&around=mart_sales') },
  { name: 'job-10000-cancel', path: job('night-10000'), act: press('Cancel …') },
  { name: 'job-10000-phone', path: job('night-10000'), size: PHONE },
  { name: 'job-map-5000', path: job('thumbs-5000') },
  { name: 'job-map-5000-inspector', path: job('thumbs-5000', '?task=shrink') },
  { name: 'job-pipeline', path: job('pipeline-14') },
  { name: 'job-pipeline-row', path: job('pipeline-14'), act: hoverRow(2) },
  { name: 'job-pipeline-why', path: job('pipeline-14', '?task=draw_chart') },
  { name: 'job-rerun', path: job('backup-cancelled', '?task=step-2'), act: press('Rerun from here …') },
  { name: 'job-pipeline-phone', path: job('pipeline-14'), size: PHONE },
  { name: 'job-pipeline-phone-task', path: job('pipeline-14', '?task=draw_chart'), size: PHONE },
  { name: 'job-kitchen', path: job('dinner-4') },
  { name: 'job-kitchen-unfolded', path: job('dinner-4', '?fold=none') },
  { name: 'job-kitchen-unit', path: job('dinner-4', '?task=order%2Fnote') },
  { name: 'job-states', path: job('every-state-1') },
  ...STATES.map((task) => ({
    name: `inspector-${task}`,
    path: job('every-state-1', `?task=${task}`),
    themes: ['light'],
  })),
  { name: 'inspector-failed', path: job('every-state-1', '?task=failed'), themes: ['dark'] },
  {
    name: 'inspector-long-name',
    path: job(
      'every-state-1',
      '?task=a_task_whose_name_is_as_long_as_names_are_when_machines_make_them_of_paths_and_dates_2026_11_30_0200',
    ),
  },
  { name: 'job-cancelled', path: job('backup-cancelled') },
  { name: 'job-cancelled-rerun', path: job('backup-cancelled'), act: press('Rerun …') },
  { name: 'job-cancelled-retry-phone', path: job('backup-cancelled'), size: PHONE, act: press('Retry …') },
  { name: 'job-unknown', path: job('no-such-job') },
  { name: 'job-unknown-task', path: job('pipeline-14', '?task=gone') },
  { name: 'not-found', path: '/nowhere' },
  { name: 'log', path: job('night-10000', '/log') },
  { name: 'log-task', path: job('night-10000', '/log?task=merge_orders&q=7680') },
  { name: 'log-item', path: job('every-state-1', '/log?task=completed'), themes: ['light'] },
  { name: 'log-phone', path: job('night-10000', '/log?task=merge_orders'), size: PHONE, themes: ['light'] },
  { name: 'waiting', path: '/waiting' },
  {
    name: 'waiting-form',
    path: '/waiting',
    act: (page) => page.getByRole('button', { name: 'approve' }).last().click(),
  },
  { name: 'waiting-phone', path: '/waiting', size: PHONE, themes: ['light'] },
  { name: 'waiting-none', path: '/waiting', server: 'empty', themes: ['light'] },
  { name: 'limits', path: '/limits' },
  { name: 'limits-none', path: '/limits', server: 'empty', themes: ['light'] },
  { name: 'topics', path: '/topics' },
  { name: 'topics-none', path: '/topics', server: 'empty', themes: ['light'] },
  { name: 'topic', path: '/topics/kitchen' },
  { name: 'definitions', path: '/definitions' },
  { name: 'definition', path: '/definitions/example_pipeline' },
  { name: 'definition-large', path: '/definitions/nightly-warehouse' },
  { name: 'definition-runs', path: '/definitions/train-model' },
  { name: 'definition-file', path: '/definitions/greetings', themes: ['light'] },
  { name: 'definition-metrics', path: '/definitions/train-model', act: toMetrics },
  { name: 'definition-metrics-phone', path: '/definitions/train-model', size: PHONE, act: toMetrics },
  { name: 'job-metrics', path: job('backup-cancelled', '?show=metrics') },
  { name: 'job-metrics-phone', path: job('backup-cancelled', '?show=metrics'), size: PHONE, themes: ['light'] },
  { name: 'definition-phone', path: '/definitions/train-model', size: PHONE, themes: ['light'] },
  { name: 'sign-in', server: 'closed' },
  {
    name: 'sign-in-refused',
    server: 'closed',
    themes: ['light'],
    act: async (page) => {
      await page.locator('input').first().fill('tt_wrong');
      await page.keyboard.press('Enter');
    },
  },
  {
    name: 'viewer',
    server: 'closed',
    themes: ['light'],
    act: async (page, { secret }) => {
      await page.locator('input').first().fill(secret);
      await page.keyboard.press('Enter');
    },
  },
  {
    name: 'job-lost',
    path: job('pipeline-14'),
    act: async (page) => {
      await page.context().setOffline(true);
      await page.waitForTimeout(3_000);
    },
  },
];
