// What the package fills in when it serves guard.js and device.js.

/** A set of hashes: taken modulo `size`; the differences as Golomb-Rice codes with `rest` low bits, in hexadecimal. */
export type Codes = readonly [needs: string, size: number, rest: number, codes: string];

interface Catalog {
  /** The site's own hosts beside the page's. */
  readonly own: readonly string[];
  /** By the ids that must all be granted: hosts, `host/prefix` and `/file`, with spaces between them. */
  readonly references: Readonly<Record<string, string>>;
  /** The rest of the catalogue: hosts, and hosts with a first folder. */
  readonly hosts: readonly Codes[];
  /** And files that a site may keep itself. */
  readonly files: readonly Codes[];
  /** The file with everything, exactly. */
  readonly exactly: string;
}

interface Device {
  /** Cookies and storage keys that are known, a line each, by the ids they need; "~": else for the session. */
  readonly stored: Readonly<Record<string, string>>;
  /** Whether names that nobody has classified may be kept. */
  readonly open: boolean;
  /** The categories that a position needs. */
  readonly place: string;
  /** The file with every name. */
  readonly exactly: string;
}

declare global {
  const CATALOG: Catalog;
  const DEVICE: Device;
}
