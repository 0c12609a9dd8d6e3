"""A bundle: a trained model for one role, as a folder of plain files.

``NAME.fovea/`` holds ``bundle.json`` (what it is), ``weights.safetensors`` (to learn on from), ``network.xml`` and
``network.bin`` (to run without torch), ``learned.bin`` (8-byte digests of the pictures it learned from, so that no
figure is ever counted on them), ``card.md`` (for people) and ``SHA256SUMS``. Nothing in it is code or pickle, and no
byte of it is believed before its sum is checked.

A bundle that was written never changes: it is a *version* of its name, ``NAME@DIGEST.fovea`` with the first eight
digits of its digest, and ``NAME.fovea`` is a link to the newest. So a training replaces nothing that is in use.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from fovea.errors import BundleRefused, FoveaError, UsageError
from fovea.plugin import Kind, Preprocess
from fovea.serving.fusion import Fusion
from fovea.serving.readings import Certainty, Levels, Readout, Scale, Tail, is_certain, is_readable

FORMAT_VERSION = 1
FILES = ("bundle.json", "card.md", "learned.bin", "network.bin", "network.xml", "weights.safetensors")
SUMS = "SHA256SUMS"
SUFFIX = ".fovea"
_DIGITS = 8

Precision: TypeAlias = Literal["fp32", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What ``bundle.json`` says, with the folder it was read from.

    Args:
        name: letters, digits, dots, hyphens and underscores; all its versions have it.
        domain: name of the domain it was trained for.
        role: the one role it serves.
        kind: the task.
        labels: in the order of the network's outputs; taken from the training data and frozen. The names of the
            values for ``regress``.
        preprocess: how a picture becomes the network's square.
        preprocess_id: the algorithm that carries ``preprocess`` out; another one refuses the bundle.
        temperature: divides the logits before the softmax (``classify``); fitted on pictures kept for that.
        levels: how the outputs are read for ``multilabel``, None otherwise.
        scale: how the outputs are read for ``regress``, None otherwise.
        tail: how they are read for ``anomaly``, None otherwise.
        certainty: what it says of its own answers, None where nothing was counted for it.
        fusion: what it reads beside a picture, None where pixels are all.
        readout: where the backbone is read, where it was left as it is (a probe); None where all of it learned.
        precisions: precisions whose answers were compared with torch's and found to agree.
        figures: evaluation on pictures never trained on; plain JSON, see ``fovea.engine.judging.evaluate``.
        recipe: every setting of the training, with what ``auto`` became.
        view: the view settings the pictures were prepared with.
        fingerprint: digest of the training data (samples, files, view, preprocessing).
        weights_source: where the backbone's first weights came from.
        weights_licence: licence of those weights as far as it is known.
        versions: versions of the libraries that made it.
        created: moment of making, ISO 8601 with zone.
        format_version: of this file's layout.
        path: the folder; empty until written.
        digest: SHA-256 of ``SHA256SUMS``: names every byte of the bundle; empty until written.
    """

    name: str
    domain: str
    role: str
    kind: Kind
    labels: tuple[str, ...]
    preprocess: Preprocess
    preprocess_id: str
    temperature: float = 1.0
    levels: Levels | None = None
    scale: Scale | None = None
    tail: Tail | None = None
    certainty: Certainty | None = None
    fusion: Fusion | None = None
    readout: Readout | None = None
    precisions: tuple[Precision, ...] = ("fp32",)
    figures: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    view: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    weights_source: str = "none"
    weights_licence: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    format_version: int = FORMAT_VERSION
    path: Path = Path()
    digest: str = ""

    @property
    def network(self) -> Path:
        """The network's graph; its weights lie beside it."""
        return self.path / "network.xml"

    @property
    def weights(self) -> Path:
        """The tensors to learn on from."""
        return self.path / "weights.safetensors"

    @property
    def learned(self) -> frozenset[bytes]:
        """Digests of the preprocessed pictures that it learned from, 8 bytes each."""
        content = (self.path / "learned.bin").read_bytes()
        return frozenset(content[i : i + 8] for i in range(0, len(content), 8))

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return (self.path / "card.md").read_text(encoding="utf-8")


def open_bundle(path: Path) -> Bundle:
    """Read a bundle, after every file in it was found to match its sum.

    Raises:
        BundleRefused: it is no bundle folder, a file is missing, added, linked or changed, its format is newer than
            this program, its preprocessing is another one, or ``bundle.json`` does not make sense.
    """
    path = Path(os.path.realpath(path)) if Path(path).is_symlink() else Path(path)
    if not path.is_dir():
        fault = "it is a file, and a bundle is a folder" if path.exists() else "there is no such folder"
        raise BundleRefused(str(path), f"{fault}; name a bundle's folder")
    try:
        sums = _regular(path / SUMS)
        _check_sums(path, _listed(path, sums))
        described = _regular(path / "bundle.json")
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise BundleRefused(str(path), f"{name} is missing; copy the whole folder again, if it is a bundle's") from None
    except OSError as error:
        raise BundleRefused(str(path), f"it cannot be read ({error.strerror})") from error
    bundle = _parse(path, described)
    return dataclasses.replace(bundle, path=path, digest=hashlib.sha256(sums).hexdigest())


def digest_of(path: Path) -> str:
    """The digest that names a bundle's bytes, as its sums say; nothing is checked. Empty where it has no sums."""
    try:
        return hashlib.sha256(_regular(path / SUMS)).hexdigest()
    except (OSError, BundleRefused):
        return ""


def version_of(name: str, digest: str) -> str:
    """What a version is called; its folder is named so too.

    >>> version_of("leaves", "9f8e7d6c5b4a")
    'leaves@9f8e7d6c'
    """
    return f"{name}@{digest[:_DIGITS] or 'damaged'}"


def find_version(path: Path, digest: str) -> Path | None:
    """Where the bundle of this digest lies now, None where it is gone.

    Args:
        path: where it lay once; another of its name may lie there by now.
        digest: its own.
    """
    name = path.name.removesuffix(SUFFIX).partition("@")[0]
    places = (path, path.with_name(f"{version_of(name, digest)}{SUFFIX}"))
    return next((place for place in places if digest_of(place) == digest), None)


def write_bundle(bundle: Bundle, *, models: Path, files: Mapping[str, Path], card: str) -> Bundle:
    """Write ``models/NAME@DIGEST.fovea`` whole or not at all, let ``NAME.fovea`` lead there, and open it again.

    The versions written before stay as they are. Killed at any moment, it leaves every whole version where it was;
    the name leads to the elder one or to the new one.

    Args:
        bundle: what to write; its ``path`` and ``digest`` are not looked at.
        models: folder of the bundles, made where absent.
        files: ``network.xml``, ``network.bin``, ``weights.safetensors`` and ``learned.bin``, by name; they are copied.
        card: the model card, Markdown.

    Raises:
        UsageError: the name is none, or a file is missing.
        FoveaError: the disk is full or may not be written to.
    """
    check_name(bundle.name)
    missing = sorted(set(FILES) - set(files) - {"bundle.json", "card.md"})
    if missing:
        raise UsageError(f"a bundle cannot be written without {', '.join(missing)}")
    link = Path(models) / f"{bundle.name}{SUFFIX}"
    try:
        with _room_beside(link) as folder:
            _fill(folder, bundle, files, card)
            version = _put(folder, link.with_name(f"{version_of(bundle.name, digest_of(folder))}{SUFFIX}"))
        _lead(link, version)
    except OSError as error:
        raise FoveaError(f"the bundle {link} could not be written: {error.strerror or error}") from error
    return open_bundle(version)


def check_name(name: str) -> None:
    """Refuse a name that cannot be a bundle's folder on every system, with a UsageError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise UsageError(f"'{name}' is no name for a bundle: use letters, digits, dots, hyphens and underscores")


def _fill(folder: Path, bundle: Bundle, files: Mapping[str, Path], card: str) -> None:
    for name in FILES:
        if name in files:
            shutil.copyfile(files[name], folder / name)
    (folder / "card.md").write_text(card, encoding="utf-8")
    (folder / "bundle.json").write_text(_describe(bundle), encoding="utf-8")
    lines = [f"{_sum(folder / name)}  {name}\n" for name in FILES]
    (folder / SUMS).write_text("".join(lines), encoding="ascii")
    for name in (*FILES, SUMS):
        _sync(folder / name)


def _describe(bundle: Bundle) -> str:
    data = dataclasses.asdict(bundle)
    unused = [name for name, value in data.items() if value is None]
    for name in ("path", "digest", *unused):
        del data[name]
    data["format_version"] = FORMAT_VERSION
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@contextmanager
def _room_beside(target: Path) -> Iterator[Path]:
    """A folder to fill, which is gone afterwards unless it was renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, version: Path) -> Path:
    """Rename a whole bundle to its version's name, where the same bytes may lie already."""
    _sync(folder)
    if digest_of(version) != digest_of(folder):
        folder.rename(version)
        _sync(version.parent)
    return version


def _lead(link: Path, version: Path) -> None:
    """Let a name lead to a version; what lies there that is no link, somebody put there, and it is kept aside."""
    if link.exists() and not link.is_symlink():
        link.rename(_free(link.with_name(f"{version_of(link.name.removesuffix(SUFFIX), digest_of(link))}{SUFFIX}")))
    beside = link.with_name(f".{version.name}.link")
    beside.unlink(missing_ok=True)
    beside.symlink_to(version.name)
    beside.replace(link)
    _sync(link.parent)


def _free(path: Path) -> Path:
    names = (path.name.removesuffix(SUFFIX) + f"{end}{SUFFIX}" for end in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(place for name in names if not (place := path.with_name(name)).exists())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _regular(path: Path) -> bytes:
    """The bytes of a regular file; a link, a folder or a pipe is refused unread."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise BundleRefused(str(path.parent), f"{path.name} is no regular file; bundles hold plain files only")
    return path.read_bytes()


def _sum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _listed(path: Path, sums: bytes) -> dict[str, str]:
    lines = sums.decode("ascii", errors="replace").splitlines()
    found = [re.fullmatch(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._-]*)", line) for line in lines]
    listed = {match[2]: match[1] for match in found if match}
    if not all(found) or len(listed) != len(lines):
        raise BundleRefused(str(path), f"{SUMS} has a line that names no plain file of the bundle; fetch it again")
    return listed


def _check_sums(path: Path, listed: Mapping[str, str]) -> None:
    with os.scandir(path) as entries:
        there = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries if entry.name != SUMS}
    missing = sorted((set(listed) | set(FILES)) - set(there))
    strange = sorted(set(there) - set(listed)) + sorted(name for name in listed if name not in FILES)
    if missing:
        raise BundleRefused(str(path), f"{missing[0]} is missing; copy the whole folder again")
    if strange:
        raise BundleRefused(str(path), f"it holds {strange[0]!r}, which is no part of a bundle; take it out")
    for name, wanted in sorted(listed.items()):
        if not there[name]:
            raise BundleRefused(str(path), f"{name} is no regular file; bundles hold plain files only")
        if _sum(path / name) != wanted:
            raise BundleRefused(
                str(path), f"{name} does not match its sum; copy the bundle again from where it was made"
            )


def _parse(path: Path, described: bytes) -> Bundle:
    from pydantic import TypeAdapter, ValidationError

    try:
        data = json.loads(described)
        version = data["format_version"]
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise BundleRefused(str(path), f"its format version {version} is newer than {FORMAT_VERSION}; update Fovea")
        bundle = TypeAdapter(Bundle).validate_python(data)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise BundleRefused(str(path), "bundle.json does not say what a bundle is; train it again") from error
    _check_content(path, bundle)
    return bundle


def _check_content(path: Path, bundle: Bundle) -> None:
    from fovea.serving.preprocess import PREPROCESS_ID

    if bundle.preprocess_id != PREPROCESS_ID:
        fault = f"it was trained with the preprocessing {bundle.preprocess_id}, and this program has {PREPROCESS_ID}"
        raise BundleRefused(str(path), f"{fault}; train it again, or use the program it was made with")
    if len(set(bundle.labels)) != len(bundle.labels) or not all(bundle.labels):
        raise BundleRefused(str(path), "its labels are not all different; train it again")
    if not 0 < bundle.temperature < float("inf"):
        raise BundleRefused(str(path), f"its temperature {bundle.temperature} is not above 0; train it again")
    if not is_readable(bundle):
        raise BundleRefused(str(path), "it does not say how its network's outputs are read; train it again")
    if not is_certain(bundle):
        raise BundleRefused(str(path), "what it says of its own certainty makes no sense; train it again")
