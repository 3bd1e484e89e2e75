import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeSizing,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  FieldColorModeId,
  type FieldConfigSource,
  GraphDrawStyle,
  type GraphFieldConfig,
  GraphThresholdsStyleMode,
  type GridPos,
  LegendDisplayMode,
  type Panel,
  PercentChangeColorMode,
  type RowPanel,
  SortOrder,
  StackingMode,
  ThresholdsMode,
  TooltipDisplayMode,
  VizOrientation,
} from '@grafana/schema';
import type * as BarGauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

/** The data source that the reader of the dashboard has chosen. */
export const datasource = { type: 'prometheus', uid: `\${datasource}` };

/** A query, with the template of its series' names. */
export type Query = { readonly expr: string; readonly legend: string };

/** What a panel shows. `w` is in columns of 24, `h` in rows of the grid. */
export type About = {
  readonly title: string;
  readonly description: string;
  readonly queries: readonly Query[];
  /** A unit of Grafana: `s`, `bytes`, `short`, `cps` and `cpm` (a second, a minute), `percentunit` (0 to 1). */
  readonly unit: string;
  readonly w: number;
  readonly h: number;
  /** From which value on it is yellow, and red. A line in a graph, a colour of a number. */
  readonly warnAt?: number;
  readonly alarmAt?: number;
  /** The highest value, if there is one. */
  readonly max?: number;
  readonly decimals?: number;
  /** Colours by the names of series. */
  readonly colours?: Readonly<Record<string, string>>;
};

/** A panel without its place. */
export type Unplaced = Omit<Panel, 'gridPos'> & { readonly gridPos: Pick<GridPos, 'w' | 'h'> };

/** Lines over time; `stacked` ones add up. */
export const graph = (about: About, { stacked = false } = {}): Unplaced => {
  const options: TimeSeries.Options = {
    legend: {
      calcs: ['lastNotNull', 'max'],
      displayMode: LegendDisplayMode.Table,
      placement: 'bottom',
      showLegend: true,
    },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
  };
  const custom: GraphFieldConfig = {
    drawStyle: GraphDrawStyle.Line,
    lineWidth: 1,
    fillOpacity: stacked ? 40 : 5,
    stacking: { mode: stacked ? StackingMode.Normal : StackingMode.None },
    thresholdsStyle: {
      mode: about.alarmAt === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed,
    },
  };
  return panel('timeseries', about, options, custom);
};

/** The last value of each series as a number. */
export const stat = (about: About): Unplaced => {
  const options: Stat.Options = {
    colorMode: about.alarmAt === undefined ? BigValueColorMode.None : BigValueColorMode.Background,
    graphMode: BigValueGraphMode.Area,
    justifyMode: BigValueJustifyMode.Auto,
    orientation: VizOrientation.Auto,
    percentChangeColorMode: PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showPercentChange: false,
    textMode: about.queries.some(({ legend }) => legend.includes('{{'))
      ? BigValueTextMode.ValueAndName
      : BigValueTextMode.Value,
    wideLayout: true,
  };
  return panel('stat', about, options);
};

/** A bar for each series, of one value for the whole time range. */
export const bars = (about: About): Unplaced => {
  const options: BarGauge.Options = {
    displayMode: BarGaugeDisplayMode.Basic,
    legend: { calcs: [], displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: false },
    maxVizHeight: 300,
    minVizHeight: 16,
    minVizWidth: 8,
    namePlacement: BarGaugeNamePlacement.Left,
    orientation: VizOrientation.Horizontal,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showUnfilled: true,
    sizing: BarGaugeSizing.Auto,
    valueMode: BarGaugeValueMode.Text,
  };
  const { targets, ...rest } = panel('bargauge', about, options);
  return { ...rest, targets: targets?.map((target) => ({ ...target, instant: true, range: false })) ?? [] };
};

const panel = (type: string, about: About, options: object, custom?: GraphFieldConfig): Unplaced => ({
  type,
  title: about.title,
  description: about.description,
  datasource,
  gridPos: { w: about.w, h: about.h },
  targets: about.queries.map(({ expr, legend }, at) => ({
    refId: String.fromCharCode(65 + at),
    datasource,
    editorMode: 'code',
    expr,
    legendFormat: legend,
    instant: false,
    range: true,
  })),
  fieldConfig: fieldConfig(about, custom),
  options: { ...options },
});

const fieldConfig = (about: About, custom?: GraphFieldConfig): FieldConfigSource => ({
  defaults: {
    unit: about.unit,
    min: 0,
    noValue: '0',
    ...(about.max !== undefined && { max: about.max }),
    ...(about.decimals !== undefined && { decimals: about.decimals }),
    color: {
      mode: custom || about.alarmAt === undefined ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds,
    },
    thresholds: {
      mode: ThresholdsMode.Absolute,
      steps: [
        { color: 'green', value: null },
        ...(about.warnAt === undefined ? [] : [{ color: 'yellow', value: about.warnAt }]),
        ...(about.alarmAt === undefined ? [] : [{ color: 'red', value: about.alarmAt }]),
      ],
    },
    ...(custom && { custom: { ...custom } }),
  },
  overrides: Object.entries(about.colours ?? {}).map(([name, colour]) => ({
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: colour } }],
  })),
});

/** A row with its panels, placed from left to right in lines of 24 columns. */
export type Row = { readonly title: string; readonly panels: readonly Unplaced[] };

/** Gives rows and panels their ids and places. */
export const placed = (rows: readonly Row[]): (Panel | RowPanel)[] => {
  let id = 0;
  let y = 0;
  return rows.flatMap(({ title, panels }): (Panel | RowPanel)[] => {
    const row: RowPanel = {
      type: 'row',
      id: ++id,
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: y++, w: 24, h: 1 },
    };
    let [x, height] = [0, 0];
    const inside = panels.map((one): Panel => {
      const { w, h } = one.gridPos;
      if (x + w > 24) [x, y, height] = [0, y + height, 0];
      const gridPos = { x, y, w, h };
      x += w;
      height = Math.max(height, h);
      return { ...one, id: ++id, gridPos };
    });
    y += height;
    return [row, ...inside];
  });
};
