import type { Account } from "./accounts.ts";
import { type SentRow, sentRow } from "./answers.ts";
import type { Faults, LogRow } from "./control.ts";
import type { Form } from "./form.ts";
import { type Journal, parseRow } from "./journal.ts";

const rowsLimit = 500;
const usualRows = 100;
const usualLookBack = 20_000;

/** Rows of the account's sent log, newest first, by `guid_message`, `keyword` (a number, or part of a text), `error_api`, `error_mobile`. */
export async function sentRows(journal: Journal, account: Account, params: Form, faults: Faults): Promise<SentRow[]> {
  const guid = params.get("guid_message") ?? "";
  const keyword = params.get("keyword") ?? "";
  const found = guid !== "" ? byGuid(journal, guid) : keyword === "" ? newest(journal, account) : byKeyword(journal, account, keyword);
  const limit = guid === "" && keyword === "" ? usualRows : rowsLimit;
  const rows: SentRow[] = [];
  for await (const row of found) {
    if (row.apiKey !== account.id || !shows(row, faults)) continue;
    const shown = sentRow(row, account.sid, Date.now() - Date.parse(row.at) >= faults.sendingMs);
    if (keyword !== "" && !shown.message.includes(keyword) && !isSameNumber(shown.number, keyword)) continue;
    if (differs(params.get("error_api"), shown.error_api) || differs(params.get("error_mobile"), shown.error_mobile)) continue;
    rows.push(shown);
    if (rows.length >= limit) break;
  }
  return rows;
}

/** A guid ends in its row number, so that no index of guids is needed. */
export const guidOf = (boot: string, print: number, row: number): string =>
  `${boot}${hex8(print)}${hex8(Math.imul(print, 0x9e3779b1) >>> 0)}${hex8(row)}`;

const hex8 = (value: number): string => value.toString(16).padStart(8, "0");
const digits = (number: string): string => number.replace(/\D/g, "");
const isNumber = (keyword: string): boolean => /^\+?\d{7,15}$/.test(keyword);
const isSameNumber = (number: string, keyword: string): boolean => isNumber(keyword) && digits(number) === digits(keyword);
const differs = (asked: string | undefined, shown: string): boolean => (asked === "0" || asked === "1") && asked !== shown;

/** The platform lists what it accepted and what it refused by itself, not what never got through to it. */
function shows(row: LogRow, faults: Faults): boolean {
  if (row.operation !== "sendsms" || (!row.accepted && row.fate !== "refuse")) return false;
  return Date.now() - Date.parse(row.at) >= faults.sentLogLateMs;
}

async function* byGuid(journal: Journal, guid: string): AsyncGenerator<LogRow> {
  const row = /^[0-9a-f]{40}$/.test(guid) ? await journal.read(Number.parseInt(guid.slice(32), 16)) : undefined;
  if (row?.id === guid) yield row;
}

async function* newest(journal: Journal, account: Account): AsyncGenerator<LogRow> {
  for (let row = journal.rows - 1; row >= Math.max(0, journal.rows - usualLookBack); row--) {
    const read = await journal.read(row);
    if (read?.apiKey === account.id) yield read;
  }
}

async function* byKeyword(journal: Journal, account: Account, keyword: string): AsyncGenerator<LogRow> {
  if (!isNumber(keyword)) {
    yield* byText(journal, account, keyword);
    return;
  }
  let row = account.numbers.get(`+${digits(keyword)}`)?.last ?? -1;
  while (row >= 0) {
    const read = await journal.read(row);
    if (read !== undefined) yield read;
    row = journal.before(row);
  }
}

/** Reads the whole log, keeping the newest matches: for people, not for the path of every message. */
async function* byText(journal: Journal, account: Account, keyword: string): AsyncGenerator<LogRow> {
  let matches: LogRow[] = [];
  let rest = "";
  for await (const piece of journal.lines()) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.includes(account.id)) continue;
      const row = parseRow(line);
      if (row.operation === "sendsms" && row.text?.includes(keyword) === true) matches.push(row);
    }
    if (matches.length > 4 * rowsLimit) matches = matches.slice(-2 * rowsLimit);
  }
  yield* matches.sort((a, b) => b.row - a.row);
}
