/** A count as people read it: 20,000. By hand, as Intl takes longer to load than a run without changes. */
export function countText(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

/** A count in four characters at most: from 10,000 on only about, as 12K or 1.2M. */
export function shortCount(value: number): string {
  if (value < 10_000) return String(value)
  const [scaled, unit] =
    value < 999_500 ? [value / 1e3, 'K'] : value < 999_500_000 ? [value / 1e6, 'M'] : [value / 1e9, 'B']
  return `${scaled < 10 ? scaled.toFixed(1).replace('.0', '') : Math.round(scaled)}${unit}`
}

/** A duration in one unit: 0.42 s, 12 s, 3 min, 1.1 h. */
export function shortDuration(seconds: number): string {
  if (seconds < 60) return durationText(seconds)
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** A duration in the one or two units that matter: 0.42 s, 12 s, 3 min 20 s, 1 h 5 min. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2).replace(/\.?0+$/, '')} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
