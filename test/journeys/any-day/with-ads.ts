import { huntOf } from "../../http.ts";
import { type AdRow, type Day, type House, marked, numberOf, owners, personal, shortly, told } from "./day.ts";

type Act = (day: Day, house: House) => Promise<string>;

const header = "source,sourceId,title,description,phone,ownerName,ownerType,make,model,price,postalCode,publishedAt,noCanvassing";

const rowOf = ({ word }: House, { id, owner, price, edition }: AdRow): string =>
  [
    ...["site", `ad-${id}`, `${word} Peugeot 207 no ${id}${edition === 0 ? "" : ` edition ${edition}`}`, `${personal} texte ${id} ${word}`],
    ...[numberOf(owner), `${personal}${owner} ${word}`, "private", "Peugeot", "207", price, "75011", "2026-11-20T08:00:00Z"],
    id % 11 === 0 ? "yes" : "",
  ].join(",");

const upload = async (day: Day, house: House, rows: readonly AdRow[], more: readonly string[] = []): Promise<string> => {
  const csv = `${[header, ...rows.map((row) => rowOf(house, row)), ...more].join("\n")}\n`;
  house.files.push(rows);
  const answer = await told(day, "an import", () => house.client.upload("/v1/imports?fileName=ads.csv&source=file", csv));
  return `${rows.length} ads, ${more.length} odd rows: ${shortly(answer)}`;
};

export const importNew: Act = (day, house) => {
  const rows = Array.from({ length: day.dice.between(4, 24) }, () => ({
    ...{ id: day.count(), owner: day.dice.between(0, owners - 1) },
    ...{ price: day.dice.between(1000, 5000), edition: 0 },
  }));
  const [first] = rows;
  const twice = first === undefined ? [] : [rowOf(house, { ...first, price: first.price + 1 })];
  return upload(day, house, rows, day.dice.next() < 0.5 ? [...twice, "site,too,few"] : []);
};

export const importAgain: Act = (day, house) =>
  house.files.length === 0 ? importNew(day, house) : upload(day, house, day.dice.pick(house.files));

export const importChanged: Act = (day, house) => {
  if (house.files.length === 0) return importNew(day, house);
  const rows = day.dice.pick(house.files).map((row) => ({ ...row, price: row.price - 10, edition: row.edition + 1 }));
  return upload(day, house, rows);
};

const definitionOf = ({ dice }: Day, { word }: House, mark: string) =>
  huntOf({
    name: `${word} hunt`,
    templates: {
      sms: `${mark} Bonjour {{ owner.name | default: 'vous' }}, ${dice.pick(["votre", "vend"])} {{ ad.title }}. STOP pour ne plus recevoir.`,
    },
    priority: dice.between(1, 9),
    dailyLimit: dice.pick([null, null, 3, 10]),
    criteria: { maxAgeDays: 36_500, ...dice.pick([{}, {}, { priceTo: 3500 }]) },
    activate: undefined,
  });

export const makeHunt: Act = async (day, house) => {
  const count = day.count();
  const body = { ...definitionOf(day, house, marked("hunt", count)), activate: true };
  const answer = await told(day, "a new hunt", () => house.client.post("/v1/hunts", body, { "idempotency-key": `hunt-${count}` }));
  if (answer.status === 201) house.hunts.push(answer.body.hunt);
  return `hunt ${count}: ${shortly(answer)}`;
};

/** What is done to a hunt that is there; without one it is made. */
const toOne =
  (what: string, call: (day: Day, house: House, hunt: string) => ReturnType<House["client"]["post"]>): Act =>
  async (day, house) => {
    if (house.hunts.length === 0) return makeHunt(day, house);
    const hunt = day.dice.pick(house.hunts);
    return `${hunt}: ${shortly(await told(day, what, () => call(day, house, hunt)))}`;
  };

export const changeHunt = toOne("a changed hunt", async (day, house, hunt) => {
  const shown = await house.client.get(`/v1/hunts/${hunt}`);
  if (shown.status !== 200) return shown;
  const mark = /\[hunt \d+\]/.exec(shown.text)?.[0] ?? "";
  return house.client.put(`/v1/hunts/${hunt}`, definitionOf(day, house, mark));
});
export const pauseHunt = toOne("a hunt's pause", (_day, { client }, hunt) => client.post(`/v1/hunts/${hunt}/pause`));
export const resumeHunt = toOne("a hunt's resume", (_day, { client }, hunt) => client.post(`/v1/hunts/${hunt}/resume`));
export const archiveHunt = toOne("a hunt's end", (_day, { client }, hunt) => client.post(`/v1/hunts/${hunt}/archive`));

export const startPass: Act = async (day, house) => {
  const answer = await told(day, "a start", () => house.client.post("/v1/runs"));
  return `pass ${answer.body?.pass ?? "none"}: ${shortly(answer)}`;
};

export const dryRun: Act = async (day, house) => shortly(await told(day, "a dry run", () => house.client.post("/v1/runs/dry-run")));
