// SPDX-License-Identifier: BSD-2-Clause
/*
 * The dashboard's panels, drawn by Grafana's own components from the answers of a live Prometheus. The plugins `heatmap` and `barchart` are
 * in no package, so these two are drawn here, with Grafana's colours and units.
 */
import {
  applyFieldOverrides, createTheme, dateTime, FieldType, formattedValueToString, getValueFormat, reduceField, standardEditorsRegistry,
  standardFieldConfigEditorRegistry, toDataFrame,
} from '@grafana/data';
import type { DataFrame, Field, FieldConfigSource, TimeRange } from '@grafana/data';
import {
  BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, GlobalStyles, PanelChrome, PortalContainer,
  ThemeContext, TimeSeries, VizLegend, LegendDisplayMode,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';

interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: FieldConfigSource;
  options: any;
}
/* Times are ms. Columns come as the panel's transformation makes them. */
interface Drawn {
  panel: Panel;
  times: number[];
  series: Array<{ name: string; values: Array<number | null> }>;
  columns: Array<{ name: string; values: any[] }>;
}
declare const BOARD: { panels: Drawn[]; from: number; to: number };

const CELL = 80, ROW = 38, GAP = 8; // a screen of 1920 columns
const BOUNDS = { from: dateTime(BOARD.from), to: dateTime(BOARD.to) };
const RANGE: TimeRange = { ...BOUNDS, raw: BOUNDS };
const theme = createTheme({ colors: { mode: 'dark' } });
const STANDARD = ['unit', 'decimals', 'min', 'max', 'color', 'thresholds', 'mappings', 'noValue', 'displayName', 'links'];

/* Grafana's server side of the page fills these; a field's settings are taken over as they are. */
standardEditorsRegistry.setInit(() => []);
standardFieldConfigEditorRegistry.setInit(() => STANDARD.map((id) => ({ id, path: id, name: id, process: (value: any) => value,
  shouldApply: () => true, settings: {} } as any)));

function configured(panel: Panel, frames: DataFrame[]) {
  const { fieldConfig } = panel;
  const done = applyFieldOverrides({ data: frames, fieldConfig, replaceVariables: (text) => text, theme, timeZone: 'utc' });

  for (const frame of done)
    for (const field of frame.fields) {
      field.config.custom = { ...fieldConfig.defaults.custom, ...field.config.custom };
      for (const override of fieldConfig.overrides)
        if (override.matcher.options === (field.config.displayNameFromDS ?? field.name))
          for (const { id, value } of override.properties)
            if (id.startsWith('custom.'))
              field.config.custom[id.slice('custom.'.length)] = value;
    }
  return done;
}

function ofSeries({ panel, times, series }: Drawn) {
  return configured(panel, series.map(({ name, values }) => toDataFrame({ fields: [
    { name: 'Time', type: FieldType.time, values: times },
    { name: 'Value', type: FieldType.number, values, config: { displayNameFromDS: name } },
  ] })));
}

interface Size { width: number; height: number }

function Lines({ drawn, width, height }: Size & { drawn: Drawn }) {
  return <TimeSeries frames={ofSeries(drawn)} width={width} height={height} timeRange={RANGE} timeZone="utc"
    legend={drawn.panel.options.legend} options={drawn.panel.options} />;
}

function Stat({ drawn, width, height }: Size & { drawn: Drawn }) {
  const [x, y] = ofSeries(drawn)[0].fields as [Field<number>, Field<number>];

  const value = y.display!(reduceField({ field: y, reducers: ['lastNotNull'] }).lastNotNull);

  return <BigValue width={width} height={height} theme={theme} value={value} sparkline={{ x, y }}
    colorMode={BigValueColorMode.Value} graphMode={BigValueGraphMode.Area} textMode={BigValueTextMode.Value}
    justifyMode={BigValueJustifyMode.Auto} />;
}

function Rows({ drawn, width, height }: Size & { drawn: Drawn }) {
  const frame = toDataFrame({ fields: drawn.columns.map((column) => ({ ...column, config: {} })) });

  return <TableNG width={width} height={height} timeRange={RANGE} structureRev={1} fieldConfig={drawn.panel.fieldConfig}
    data={configured(drawn.panel, [frame])[0]} />;
}

function colourOf(panel: Panel, name: string) {
  const override = panel.fieldConfig.overrides.find(({ matcher }) => matcher.options === name);

  return theme.visualization.getColorByName(override?.properties.find(({ id }) => id === 'color')?.value.fixedColor ?? 'text');
}

function inUnit(unit: string | undefined, value: number) {
  return formattedValueToString(getValueFormat(unit)(value));
}

/* A row for each value of the first column, a part for each of the others. */
function Bars({ drawn, width, height }: Size & { drawn: Drawn }) {
  const [names, ...parts] = drawn.columns, unit = drawn.panel.fieldConfig.defaults.unit;
  const totals = names.values.map((_, row) => parts.reduce((sum, part) => sum + part.values[row], 0));
  const left = 280, most = Math.max(...totals), step = (height - 60) / totals.length, scale = (width - left - 80) / most;

  return <>
    <svg width={width} height={height - 40}>{names.values.map((name, row) => {
      let x = left;

      return <g key={name} fill={theme.colors.text.primary} fontSize={12}>
        <text x={left - 8} y={(row + 0.6) * step} textAnchor="end">{name}</text>
        {parts.map((part) => {
          const from = x;

          x += part.values[row] * scale;
          return <rect key={part.name} x={from} y={(row + 0.1) * step} width={x - from} height={step * 0.8}
            fill={colourOf(drawn.panel, part.name)} />;
        })}
        <text x={x + 6} y={(row + 0.6) * step}>{inUnit(unit, totals[row])}</text>
      </g>;
    })}</svg>
    <VizLegend displayMode={LegendDisplayMode.List} placement="bottom"
      items={parts.map(({ name }) => ({ label: name, color: colourOf(drawn.panel, name), yAxis: 1 }))} />
  </>;
}

/* The series are the buckets up to an edge each, from the lowest. */
function Cells({ drawn, width, height }: Size & { drawn: Drawn }) {
  const { series, times, panel } = drawn, left = 70;
  const below = (row: number, at: number) => (row < 0 ? 0 : series[row].values[at] ?? 0);
  const own = series.map((_, row) => times.map((__, at) => Math.max(below(row, at) - below(row - 1, at), 0)));
  const most = Math.max(...own.flat()), step = (height - 10) / series.length, wide = (width - left) / times.length;

  return <svg width={width} height={height} fontSize={12}>{series.map(({ name }, row) => {
    const y = height - 10 - (row + 1) * step;

    return <g key={name} fill={theme.colors.text.primary}>
      <text x={left - 8} y={y + 4} textAnchor="end">{name === '+Inf' ? name : inUnit(panel.options.yAxis.unit, Number(name))}</text>
      {own[row].map((value, at) => value > 0 && <rect key={at} x={left + at * wide} y={y} width={wide - 1} height={step - 1}
        fill={theme.visualization.getColorByName('orange')} fillOpacity={(value / most) ** panel.options.color.exponent} />)}
    </g>;
  })}</svg>;
}

const BODIES: Record<string, React.ComponentType<Size & { drawn: Drawn }>> =
  { timeseries: Lines, stat: Stat, table: Rows, barchart: Bars, heatmap: Cells };

/* What went wrong in one panel is to be seen, by people and by the test, and leaves the others. */
class Guard extends React.Component<{ children: React.ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  render() {
    return this.state.error ? <pre className="error">{this.state.error.stack}</pre> : this.props.children;
  }
}

function Board() {
  return <>{BOARD.panels.map((drawn) => {
    const { panel } = drawn, { x, y, w, h } = panel.gridPos, Body = BODIES[panel.type];
    const width = w * CELL - GAP, height = h * ROW - GAP;

    return <div key={panel.id} id={`panel-${panel.id}`} style={{ position: 'absolute', left: x * CELL, top: y * ROW, width, height }}>
      {panel.type === 'row' ? <h5>{panel.title}</h5> :
        <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
          {(inner, tall) => <Guard><Body drawn={drawn} width={inner} height={tall} /></Guard>}
        </PanelChrome>}
    </div>;
  })}</>;
}

createRoot(document.getElementById('board')!).render(
  <ThemeContext.Provider value={theme}><GlobalStyles /><Board /><PortalContainer /></ThemeContext.Provider>);
