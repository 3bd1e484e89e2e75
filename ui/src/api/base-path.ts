/** What stands before all addresses of this server, such as `/tintype`; '' at the root. The server writes it into the page. */
export const BASE_PATH: string = (
  document.querySelector('meta[name="base-path"]')?.getAttribute('content') ?? ''
).replace(/\/$/, '');

export const API = `${BASE_PATH}/api/v1`;
