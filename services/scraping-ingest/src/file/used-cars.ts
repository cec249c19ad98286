import { hashId } from "@outrider/contracts/ids";
import type { FileFormat } from "./format.ts";
import { instantOf, mileageOf, present, priceOf, textOrNone, withoutNumbers, yearOf } from "./values.ts";

/** The columns of the public-domain "Used cars database" (eBay Kleinanzeigen, 2016). Its prices are whole euros, whatever the sign says. */
export const usedCars: FileFormat = {
  name: "used-cars",
  columns: [
    "dateCrawled",
    "name",
    "seller",
    "price",
    "vehicleType",
    "yearOfRegistration",
    "gearbox",
    "powerPS",
    "model",
    "odometer",
    "fuelType",
    "brand",
    "dateCreated",
    "postalCode",
  ],
  needs: ["name", "brand", "model", "dateCreated", "postalCode"],
  needsOne: [],
  texts: ["name"],
  read: (cell, now) => {
    const name = cell("name");
    if (name === "") return "neither a title nor an id: column name is empty";
    const price = priceOf(cell("price"));
    return {
      source: "used-cars",
      // The file has no id. What identifies an ad must not change when its owner lowers the price.
      sourceId: hashId(...key.map(cell)),
      title: withoutNumbers(name.replaceAll("_", " ").replace(/\s+/g, " ").trim().slice(0, 300)),
      ownerType: sellers[cell("seller")] ?? "unknown",
      noCanvassing: false,
      ...present({
        make: textOrNone(cell("brand")),
        model: textOrNone(cell("model")),
        price,
        currency: price === undefined ? undefined : "EUR",
        year: yearOf(cell("yearOfRegistration"), now),
        mileage: mileageOf(cell("odometer")),
        fuel: textOrNone(cell("fuelType")),
        gearbox: textOrNone(cell("gearbox")),
        vehicleType: textOrNone(cell("vehicleType")),
        postalCode: textOrNone(cell("postalCode"), 12),
        publishedAt: instantOf(cell("dateCreated")),
      }),
    };
  },
};

const key = ["name", "brand", "model", "yearOfRegistration", "odometer", "postalCode", "dateCreated", "seller"];
const sellers: Readonly<Record<string, "private" | "trade">> = { privat: "private", gewerblich: "trade" };
