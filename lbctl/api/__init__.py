"""The kinds of `lbctl.io/v1beta1` as pydantic models, and the CRDs that are made of them."""
