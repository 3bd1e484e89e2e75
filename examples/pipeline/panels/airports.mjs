import { horizontalBars } from '../lib/bars.mjs';

const SHOWN = 12;

/** The busiest airports of origin, from the least to the most punctual. */
export const airportsPanel = (airports, width) => {
  const busiest = airports.slice(0, SHOWN).sort((a, b) => b.late_percent - a.late_percent);
  return {
    title: 'Late flights at the busiest airports',
    subtitle: 'Share of flights that arrive 15 minutes late or later, by origin',
    body: horizontalBars(
      busiest.map(({ iata, city, late_percent }, index) => ({
        label: `${city} ${iata}`,
        value: Number(late_percent),
        shown: `${Number(late_percent).toFixed(1)} %`,
        lit: index === 0,
      })),
      {
        left: 172,
        right: width,
        top: 62,
        bottom: 336,
        step: 10,
        labelTitle: 'origin',
        axisTitle: 'share of flights, %',
        colour: '#9db4ab',
        litColour: '#3f7d6b',
      },
    ),
  };
};
