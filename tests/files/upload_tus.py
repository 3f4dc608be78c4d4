"""Uploads a file with tuspy, in the environment of tests/requirements/tus.txt: `upload_tus.py URL TOKEN FILE STOP`.

It stops after STOP bytes, as a program that is killed does, and begins again as another one that knows only the URL.
"""

from __future__ import annotations

import sys

from tusclient.client import TusClient

CHUNK = 700_000


def main() -> None:
    url, token, path, stop_after = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    client = TusClient(url, headers={"Authorization": f"Bearer {token}"})
    first = client.uploader(path, metadata={"filename": "größe.glb", "filetype": "model/gltf-binary"}, chunk_size=CHUNK)
    first.upload(stop_at=stop_after)
    again = client.uploader(path, url=first.url, chunk_size=CHUNK)
    again.upload()
    print(again.url)


if __name__ == "__main__":
    main()
