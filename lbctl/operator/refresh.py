"""Look again at one object, after the API server said that it is not as we thought."""

from __future__ import annotations

from lbctl.kube.client import Client
from lbctl.kube.errors import NotFound
from lbctl.kube.objects import Key, Object
from lbctl.kube.store import Store


async def refresh(client: Client, store: Store, key: Key) -> Object | None:
    """Read the object and tell the mirror. None when it does not exist."""
    try:
        found = await client.get(store.kind, key.name, namespace=key.namespace)
    except NotFound:
        if (known := store.get(key)) is not None:
            store.remove(known)
        return None
    store.put(found)
    return found
