import { resolve } from "node:path";

/** The folder of the checkout: services, libraries and `.outrider` are in it, wherever the command is called from. */
export const root = resolve(import.meta.dirname, "..", "..", "..");

/** Data, logs and what runs; OUTRIDER_HOME puts it elsewhere. */
export const home = resolve(process.env["OUTRIDER_HOME"] ?? resolve(root, ".outrider"));

export const places = {
  home,
  runFile: resolve(home, "run.json"),
  credentials: resolve(home, "credentials.json"),
  data: resolve(home, "data"),
  once: resolve(home, "once"),
  envExample: resolve(root, ".env.example"),
  sample: resolve(root, "libs", "cli", "samples", "used-car-ads-500.csv"),
} as const;
