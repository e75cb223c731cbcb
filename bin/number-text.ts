const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** A count as people read it: 20,000. */
export function countText(value: number): string {
  return grouped.format(value)
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact' })

/** A count in four characters at most: from 10,000 on only about, as 12K or 1.2M. */
export function shortCount(value: number): string {
  return value < 10_000 ? String(value) : compact.format(value)
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
