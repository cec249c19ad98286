import { hashId } from "@outrider/contracts/ids";
import type { FoundAd } from "../providers/ad-source.ts";
import type { Cell, FileFormat } from "./format.ts";
import { currencyOf, instantOf, mileageOf, present, priceOf, textOrNone, truthOf, withoutNumbers, yearOf } from "./values.ts";

/** Our own documented columns. All may be absent or empty but one of title and sourceId. */
export const own: FileFormat = {
  name: "outrider",
  columns: [
    "source",
    "sourceId",
    "title",
    "description",
    "phone",
    "ownerName",
    "ownerType",
    "noCanvassing",
    "make",
    "model",
    "price",
    "currency",
    "year",
    "mileage",
    "fuel",
    "gearbox",
    "vehicleType",
    "postalCode",
    "city",
    "url",
    "pictures",
    "publishedAt",
  ],
  needs: [],
  needsOne: ["title", "sourceId"],
  texts: ["title", "description"],
  read: (cell, now) => {
    const title = cell("title");
    const id = cell("sourceId");
    if (title === "" && id === "") return "neither a title nor an id: columns title and sourceId are empty";
    return {
      source: sourceOf(cell("source")),
      sourceId: id === "" ? hashId("derived", ...key.map(cell)) : id.slice(0, 200),
      title: withoutNumbers((title === "" ? `${cell("make")} ${cell("model")}`.trim() : title).replace(/\s+/g, " ").slice(0, 300)),
      ownerType: owners[cell("ownerType").toLowerCase()] ?? "unknown",
      noCanvassing: truthOf(cell("noCanvassing")),
      ...rest(cell, now),
    };
  },
};

/** Identifies an ad without an id of its own; neither price nor text, which owners change. */
const key = ["url", "title", "make", "model", "year", "mileage", "postalCode", "publishedAt", "ownerType"];

const owners: Readonly<Record<string, FoundAd["ownerType"]>> = {
  private: "private",
  privat: "private",
  particulier: "private",
  trade: "trade",
  pro: "trade",
  professional: "trade",
  professionnel: "trade",
  dealer: "trade",
  gewerblich: "trade",
};

const sourceOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40) || "file";

const rest = (cell: Cell, now: Date) => {
  const price = priceOf(cell("price"));
  const pictures = cell("pictures")
    .split(/[|\s]+/)
    .filter((url) => /^https?:\/\//.test(url))
    .slice(0, 30);
  return present({
    description: textOrNone(cell("description"), 20_000),
    phone: textOrNone(cell("phone"), 40),
    ownerName: textOrNone(cell("ownerName")),
    make: textOrNone(cell("make")),
    model: textOrNone(cell("model")),
    price,
    currency: price === undefined ? undefined : (/^[A-Z]{3}$/.exec(cell("currency").toUpperCase())?.[0] ?? currencyOf(cell("price"))),
    year: yearOf(cell("year"), now),
    mileage: mileageOf(cell("mileage")),
    fuel: textOrNone(cell("fuel")),
    gearbox: textOrNone(cell("gearbox")),
    vehicleType: textOrNone(cell("vehicleType")),
    postalCode: textOrNone(cell("postalCode"), 12),
    city: textOrNone(cell("city")),
    url: textOrNone(cell("url"), 1000),
    pictures: pictures.length === 0 ? undefined : pictures,
    publishedAt: instantOf(cell("publishedAt")),
  });
};
