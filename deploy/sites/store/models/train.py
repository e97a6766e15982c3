"""Trains coupon.json, the store's coupon model, and prints its held-out error (see coupon.card.md).

    python3 -m venv /tmp/train && /tmp/train/bin/pip install -r requirements.txt && /tmp/train/bin/python train.py

Users need neither Python nor this script: the model it makes is shipped. The same versions give the same bytes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

HERE = Path(__file__).resolve().parent
ORACLE = HERE.parents[3] / "test" / "cases" / "retail" / "oracle"
FILES = ["full_data_set_0.csv", "full_data_set_1.csv", "v0426_good_customer_coupon_full.csv"]

NUMBERS = [
    "cust_mean_buy_price",
    "cust_total_coupons",
    "cust_mean_discount",
    "cust_unique_products",
    "cust_unique_products_coupon",
    "cust_total_products",
    "coupon_discount",
    "coupon_how_many",
    "coupon_mean_prod_price",
    "coupon_prods_avail",
]
# The files carry the age as a bracket: young below 30, mid 30 to 59, old from 60 on.
ONE_HOT = {
    "cust_gender": ["F", "M"],
    "cust_age": ["mid", "old", "young"],
    "coupon_type": ["buy_all", "buy_more", "department", "just_discount"],
    "coupon_dpt": ["Boys", "Girls", "Men", "Sport", "Women"],
}
# What a person takes for granted: more discount is never worse, more pieces to buy never better.
MONOTONE = {"coupon_discount": 1, "coupon_how_many": -1}

TREES = 100
FOLDS = 5
SHUFFLES = 5


def load() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs that the original model scored, each once, and their columns in training order."""
    pairs = pd.concat([pd.read_csv(ORACLE / file) for file in FILES])
    pairs = pairs.drop_duplicates(["customer_id", "coupon_id"]).sort_values(["customer_id", "coupon_id"])
    pairs = pairs.reset_index(drop=True)
    columns = pairs[NUMBERS].astype(float)
    for column, values in ONE_HOT.items():
        unknown = set(pairs[column]) - set(values)
        if unknown:
            raise SystemExit(f"{column} holds {sorted(unknown)}, expected {values}")
        for value in values:
            columns[f"{column}_{value}"] = (pairs[column] == value).astype(float)
    return pairs, columns


def train(columns: pd.DataFrame, probabilities: pd.Series) -> xgb.Booster:
    names = list(columns)
    parameters = {
        "objective": "reg:logistic",  # log loss against the probability itself
        "max_depth": 4,
        "eta": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "monotone_constraints": "(" + ",".join(str(MONOTONE.get(name, 0)) for name in names) + ")",
        "seed": 1,
        "nthread": 1,
    }
    data = xgb.DMatrix(columns.to_numpy(), probabilities.to_numpy(), feature_names=names)
    return xgb.train(parameters, data, TREES)


def predict(model: xgb.Booster, columns: pd.DataFrame) -> np.ndarray:
    return model.predict(xgb.DMatrix(columns.to_numpy(), feature_names=list(columns)))


def held_out(pairs: pd.DataFrame, columns: pd.DataFrame, group: str) -> list[tuple[float, float]]:
    """MAE and correlation on pairs whose customer (or coupon) was not trained on, once per shuffle."""
    figures = []
    for shuffle in range(SHUFFLES):
        ids = np.array(sorted(pairs[group].unique()))
        np.random.default_rng(1000 + shuffle).shuffle(ids)
        predicted = np.zeros(len(pairs))
        for fold in range(FOLDS):
            out = pairs[group].isin(ids[fold::FOLDS]).to_numpy()
            model = train(columns[~out], pairs.probs[~out])
            predicted[out] = predict(model, columns[out])
        error = np.abs(predicted - pairs.probs).mean()
        figures.append((float(error), float(np.corrcoef(predicted, pairs.probs)[0, 1])))
    return figures


def main() -> None:
    pairs, columns = load()
    print(f"{len(pairs)} pairs, {pairs.customer_id.nunique()} customers, {pairs.coupon_id.nunique()} coupons")
    for group in ["customer_id", "coupon_id"]:
        figures = np.array(held_out(pairs, columns, group))
        (error, r), spread = figures.mean(axis=0), figures[:, 0]
        print(f"held out by {group}: MAE {error:.4f} ({spread.min():.4f} to {spread.max():.4f}), r {r:.3f}")

    model = train(columns, pairs.probs)
    model.save_model(HERE / "coupon.json")
    fitted = predict(model, columns)
    print(f"trained on: MAE {np.abs(fitted - pairs.probs).mean():.4f}, r {np.corrcoef(fitted, pairs.probs)[0, 1]:.3f}")


if __name__ == "__main__":
    main()
