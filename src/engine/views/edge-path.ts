/** Returns the points of a placed edge as the path of an SVG, or of a `Path2D`. */
export const edgePath = (points: readonly number[]): string => {
  const text = (value: number | undefined): string => String(Math.round((value ?? 0) * 10) / 10);
  let path = `M${text(points[0])} ${text(points[1])}`;
  for (let at = 2; at < points.length; at += 2) {
    const [x0 = 0, y0 = 0, x = 0, y = 0] = points.slice(at - 2, at + 2);
    const middle = text((x0 + x) / 2);
    path += y === y0 ? `H${text(x)}` : `C${middle} ${text(y0)} ${middle} ${text(y)} ${text(x)} ${text(y)}`;
  }
  return path;
};
