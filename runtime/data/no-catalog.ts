// The catalog of a site that has none: tables with nothing in them.
import type { CatalogConfig } from "../site.ts";
import { buildCatalog, type Catalog } from "./catalog.ts";
import { hashOf } from "./files.ts";

export const NO_CATALOG: CatalogConfig = {
  shiftDays: 0,
  customers: { file: "", key: "customer", columns: { customer: "text" } },
  coupons: {
    file: "",
    key: "coupon",
    columns: { coupon: "text", department: "text", validFrom: "date", validTo: "date" },
    department: "department",
    validFrom: "validFrom",
    validTo: "validTo",
    publish: {},
  },
  products: null,
  couponProducts: null,
};

export function emptyCatalog(): Catalog {
  const customers = Buffer.from("customer\n");
  const coupons = Buffer.from("coupon,department,validFrom,validTo\n");
  const files = { customers, coupons, products: null, couponProducts: null, hash: hashOf([]) };
  return buildCatalog({ dir: "", timeZone: "UTC", departments: new Map(), catalog: NO_CATALOG }, files, [])!;
}
