import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSite } from "../../../runtime/config.ts";
import { type Catalog, loadCatalog } from "../../../runtime/data/catalog.ts";
import { readCsv } from "../../../runtime/data/csv.ts";
import { limits } from "../../../runtime/limits.ts";
import { mistakesOf, OPTIONS, SiteCopy } from "../../support/site.ts";

const load = (copy: SiteCopy): Catalog => loadCatalog(loadSite(copy.dir, OPTIONS));

describe("the store's catalog", () => {
  it("has its customers, by canonical id", () => {
    const { customers } = load(new SiteCopy());

    expect(customers.size).toBe(997);
    expect(customers.get("230")).toMatchObject({ customer_id: 230, gender: "F", age: 79 });
    expect([customers.get("389"), customers.get("0230"), customers.get("230.0"), customers.get("")]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  it("has its coupons, by department and by id", () => {
    const catalog = load(new SiteCopy());

    expect(catalog.coupons).toHaveLength(971);
    const departments = ["Boys", "Girls", "Men", "Sport", "Women"].map((department) => catalog.couponsOf(department));
    expect(departments.flat()).toHaveLength(971);
    for (const list of departments)
      expect(list.map(({ index }) => index)).toEqual(list.map(({ index }) => index).toSorted((a, b) => a - b));
    expect(catalog.couponsOf("Sports")).toEqual([]);
    expect(catalog.coupon("7")).toBe(catalog.coupons[6]);
    expect(catalog.coupon("07")).toBeNull();
  });

  it("moves days by whole weeks, so that there are coupons for every department from late 2025 to late 2028", () => {
    const { coupons } = load(new SiteCopy());
    const at = Date.UTC(2026, 10, 23);

    expect(coupons[0]).toEqual({
      id: "1",
      index: 0,
      department: "Men",
      validFrom: Date.UTC(2025, 10, 14),
      validUntil: Date.UTC(2025, 10, 22),
    });
    expect(Math.min(...coupons.map(({ validFrom }) => validFrom))).toBe(Date.UTC(2025, 10, 14));
    expect(Math.max(...coupons.map(({ validUntil }) => validUntil))).toBe(Date.UTC(2028, 11, 2));
    expect(
      new Set(
        coupons.filter((each) => each.validFrom <= at && at < each.validUntil).map(({ department }) => department),
      ).size,
    ).toBe(5);
  });

  it("publishes a coupon as the original's wire shows it: ids as text, numbers as numbers, products within", () => {
    const catalog = load(new SiteCopy());

    expect(catalog.publish(1)).toEqual({
      id: "2",
      type: "buy_more",
      department: "Men",
      discount: 23,
      how_many_products_required: 3,
      how_many: 3,
      start_date: "2025-11-14",
      end_date: "2025-11-28",
      products: [
        {
          id: "2883",
          name: expect.any(String),
          category: expect.any(String),
          sizes: expect.any(String),
          vendor: expect.any(String),
          description: expect.any(String),
          buy_price: expect.any(Number),
          department: "Men",
        },
      ],
    });
  });

  it("lists the products that the links name, in their order", () => {
    const products = load(new SiteCopy()).publish(0).products as { id: string }[];

    expect(products.map(({ id }) => id)).toEqual(["128", "280", "396", "2081"]);
  });

  it("keeps published coupons ready, and lets the oldest go at the bound", () => {
    const catalog = load(new SiteCopy());
    const first = catalog.publish(0);
    expect(catalog.publish(0)).toBe(first);

    const links = catalog.coupons
      .map(({ index }) => catalog.publish(index))
      .reduce((sum, { products }) => sum + 1 + (products as unknown[]).length, 0);

    expect(links).toBe(17_515 + 971);
    expect(links).toBeLessThan(limits.publishedProducts);
    expect(catalog.publish(0)).toBe(first);
  });

  it("changes its hash with any of its files", () => {
    const hash = load(new SiteCopy()).hash;
    const changed = ["customer_info", "coupon_info", "product_info", "coupon_product"].map((name) => {
      const copy = new SiteCopy();
      copy.write(`catalog/${name}.csv`, `${copy.read(`catalog/${name}.csv`)}\n`);
      return load(copy).hash;
    });

    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set([hash, ...changed]).size).toBe(5);
    expect(load(new SiteCopy()).hash).toBe(hash);
  });
});

describe("validity", () => {
  const warsaw = (from: string, to: string) => {
    const copy = new SiteCopy()
      .edit("site.yml", "timeZone: UTC", "timeZone: Europe/Warsaw")
      .edit("site.yml", "shiftDays: 5796", "shiftDays: 0");
    copy.write(
      "catalog/coupon_info.csv",
      `${copy.read("catalog/coupon_info.csv").split("\n")[0]}\n1,buy_all,Men,10,4,${from},${to},7.16,4\n`,
    );
    copy.write("catalog/coupon_product.csv", "coupon_id,product_id\n");
    const { validFrom, validUntil } = load(copy).coupons[0]!;
    return [new Date(validFrom).toISOString(), new Date(validUntil).toISOString()];
  };

  it("begins and ends at midnight of the site's zone, the last day included", () => {
    expect(warsaw("2026-01-01", "2026-01-01")).toEqual(["2025-12-31T23:00:00.000Z", "2026-01-01T23:00:00.000Z"]);
  });

  it("is an hour shorter when clocks go forward, and longer when they go back", () => {
    expect(warsaw("2026-03-29", "2026-03-29")).toEqual(["2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]);
    expect(warsaw("2026-10-25", "2026-10-25")).toEqual(["2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"]);
  });
});

describe("departments of coupons", () => {
  it("get their canonical names, in the row and in what is published", () => {
    const copy = new SiteCopy();
    copy.edit("catalog/coupon_info.csv", "\n4,buy_all,Sport,", "\n4,buy_all,Sports,");
    const catalog = load(copy);

    expect(catalog.coupons[3]!.department).toBe("Sport");
    expect(catalog.couponRow(3).department).toBe("Sport");
    expect(catalog.publish(3).department).toBe("Sport");
  });
});

describe("mistakes of a catalog", () => {
  it.each([
    [
      "coupon_info",
      "\n4,buy_all,Sport,",
      "\n4,buy_all,Spot,",
      "catalog/coupon_info.csv:5: column 'department': expected a department of this site (did you mean 'Sport'?), one of Boys, Girls, Men, Sport or Women, found 'Spot'",
    ],
    [
      "coupon_info",
      "\n4,buy_all,Sport,",
      "\n4,buy_all,,",
      "catalog/coupon_info.csv:5: column 'department': expected a value, found nothing",
    ],
    [
      "customer_info",
      "\n2,F,38,",
      "\n2,F,-38,",
      "catalog/customer_info.csv:3: column 'age': expected a number from 0 to 130, found '-38'",
    ],
    [
      "coupon_info",
      "\n1,buy_all,Men,10,4,2010-01-01,2010-01-08",
      "\n1,buy_all,Men,10,4,2010-01-09,2010-01-08",
      "catalog/coupon_info.csv:2: column 'end_date': the last day, 2025-11-21, comes before the first, 2025-11-22",
    ],
    [
      "coupon_info",
      "\n1,buy_all,Men,10,4,2010-01-01",
      "\n1,buy_all,Men,10,4,",
      "catalog/coupon_info.csv:2: column 'start_date': expected a value, found nothing",
    ],
    [
      "customer_info",
      "\n2,F,38,",
      "\n2,F,thirty,",
      "catalog/customer_info.csv:3: column 'age': expected a whole number, found 'thirty'",
    ],
    [
      "customer_info",
      "\n2,F,38,",
      "\n1,F,38,",
      "catalog/customer_info.csv:3: column 'customer_id': '1' stands on line 2 already",
    ],
    [
      "coupon_product",
      "\n1,128\n",
      "\n99999,128\n",
      "catalog/coupon_product.csv:2: column 'coupon_id': there is no coupon '99999'",
    ],
    [
      "coupon_product",
      "\n1,128\n",
      "\n1,99999\n",
      "catalog/coupon_product.csv:2: column 'product_id': there is no product '99999'",
    ],
    [
      "coupon_product",
      "\n1,128\n",
      "\n1,\n",
      "catalog/coupon_product.csv:2: column 'product_id': expected a value, found nothing",
    ],
  ])("in %s.csv: %j → %j", (name, before, after, expected) => {
    const copy = new SiteCopy().edit(`catalog/${name}.csv`, before, after);

    expect(mistakesOf(() => load(copy))).toEqual([expected]);
  });

  it("of all files are told at once", () => {
    const copy = new SiteCopy()
      .edit("catalog/customer_info.csv", "\n2,F,38,", "\n2,F,thirty,")
      .edit("catalog/coupon_info.csv", "\n4,buy_all,Sport,", "\n4,buy_all,Spot,")
      .edit("catalog/product_info.csv", ",2.9,Sport\n", ",cheap,Sport\n");

    expect(mistakesOf(() => load(copy)).map((line) => line.split(":")[0])).toEqual([
      "catalog/customer_info.csv",
      "catalog/coupon_info.csv",
      "catalog/product_info.csv",
    ]);
  });
});

describe("a table of other columns", () => {
  it("loads with nothing but another declaration: the older customer_info", () => {
    const copy = new SiteCopy();
    const [before, rest] = copy.read("site.yml").split("      customer_id: integer\n      gender: text\n");
    const columns = [
      "customer_id: integer, age_range: text, marital_status: text, family_size: integer, no_of_children: integer",
      "income_bracket: integer, gender: text, mean_discount_used_by_cust: number, unique_items_bought_by_cust: integer",
      "mean_selling_price_paid_by_cust: number, mean_quantity_bought_by_cust: number, total_discount_used_by_cust: number",
      "total_coupons_used_by_cust: integer, total_price_paid_by_cust: number, total_quantity_bought_by_cust: integer",
    ].join(", ");
    const after = rest!.slice(rest!.indexOf("\n  coupons:"));
    const features = after.replace(
      / {2}features:\n( {4}- .*\n)+/,
      "  features:\n    - { name: family, from: customer.family_size }\n    - { name: single, from: customer.marital_status, is: Single }\n",
    );
    copy.write("site.yml", `${before!.replace(/ {4}columns:\n$/, "")}    columns: { ${columns} }\n${features}`);
    copy.write(
      "catalog/customer_info.csv",
      [
        "customer_id,age_range,marital_status,family_size,no_of_children,income_bracket,gender,mean_discount_used_by_cust,unique_items_bought_by_cust,mean_selling_price_paid_by_cust,mean_quantity_bought_by_cust,total_discount_used_by_cust,total_coupons_used_by_cust,total_price_paid_by_cust,total_quantity_bought_by_cust",
        "11,46-55,Married,5,3,3,M,-1.5,204,61.25,1.04,-754.5,22,25329.5,431",
        "12,70+,Single,1,0,,F,0.0,3,10.0,1.0,0.0,0,30.0,3",
      ].join("\n"),
    );

    const { customers } = load(copy);

    expect(customers.get("11")).toEqual({
      customer_id: 11,
      age_range: "46-55",
      marital_status: "Married",
      family_size: 5,
      no_of_children: 3,
      income_bracket: 3,
      gender: "M",
      mean_discount_used_by_cust: -1.5,
      unique_items_bought_by_cust: 204,
      mean_selling_price_paid_by_cust: 61.25,
      mean_quantity_bought_by_cust: 1.04,
      total_discount_used_by_cust: -754.5,
      total_coupons_used_by_cust: 22,
      total_price_paid_by_cust: 25_329.5,
      total_quantity_bought_by_cust: 431,
    });
    expect(customers.get("12")).toMatchObject({ income_bracket: null, age_range: "70+" });
  });

  it("may have a hundred thousand rows", () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `${i},${i % 2 ? "F" : "M"},${i % 80},${i / 7}`);
    const bytes = Buffer.from(`id,gender,age,mean\n${rows.join("\n")}\n`);

    const table = readCsv(
      bytes,
      "t.csv",
      { key: "id", columns: { id: "integer", gender: "text", age: "integer", mean: "number" } },
      [],
    );

    expect(table!.length).toBe(100_000);
    expect(table!.row(99_999)).toEqual({ id: 99_999, gender: "F", age: 79, mean: 99_999 / 7 });
  });
});

it("a path of a file may be absolute", () => {
  const copy = new SiteCopy();
  const elsewhere = new SiteCopy();
  writeFileSync(join(elsewhere.dir, "people.csv"), copy.read("catalog/customer_info.csv"));

  copy.edit("site.yml", "catalog/customer_info.csv", join(elsewhere.dir, "people.csv"));

  expect(load(copy).customers.size).toBe(997);
});
