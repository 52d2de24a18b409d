"""From drawn pages to a file for archives: PDF/A-3b (ISO 19005-3), attachments, one empty signature field.

The file is written in one fixed way: without dates of the machine, with an identifier that follows from its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

from nesqc_gmp.certificate.names import RECORD, SIGNATURE_FIELD, record_source
from nesqc_gmp.certificate.page import SIGNATURE_BOX
from nesqc_gmp.digest import sha256_hex

PRODUCER: Final = "nesqc_gmp"
_PROFILE: Final = Path(__file__).parent / "srgb.icc"
_TYPES: Final = {".json": "application/json", ".txt": "text/plain", ".pem": "application/x-pem-file"}
_XMP: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:identifier>{identifier}</dc:identifier>
<dc:source>{source}</dc:source>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<xmp:CreatorTool>{tool}</xmp:CreatorTool><pdf:Producer>{producer}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


@dataclass(frozen=True, slots=True)
class Description:
    """What the metadata of a file say.

    Attributes:
        title: Title.
        author: The site.
        identifier: Number and revision, as ``number/revision``.
        created: Local time with its offset, as ``Instant.local``.
        software: Name and version of what made it.
        signer: Printed name of who is to sign it.
    """

    title: str
    author: str
    identifier: str
    created: str
    software: str
    signer: str


def archive(drawn: bytes, description: Description, attachments: Mapping[str, bytes], record_sha256: str) -> bytes:
    """Make drawn pages a PDF/A-3b file with attachments and an empty signature field on the first page.

    Args:
        drawn: The pages.
        description: What its metadata say.
        attachments: Files by name.
        record_sha256: Digest of ``record.json``.

    Returns:
        The file; the same for the same arguments.
    """
    with pikepdf.open(BytesIO(drawn)) as pdf:
        _metadata(pdf, description, record_sha256)
        _output_intent(pdf)
        for name in sorted(attachments):
            _attach(pdf, name, attachments[name], _pdf_date(description))
        _signature_field(pdf, description.signer)
        if "/ID" in pdf.trailer:
            del pdf.trailer["/ID"]
        target = BytesIO()
        pdf.save(
            target,
            force_version="1.7",
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            stream_decode_level=pikepdf.StreamDecodeLevel.generalized,
            compress_streams=True,
            recompress_flate=True,
            linearize=False,
        )
    return target.getvalue()


def _metadata(pdf: pikepdf.Pdf, description: Description, record_sha256: str) -> None:
    date = description.created[:19] + description.created[26:]
    packet = _XMP.format(
        title=escape(description.title),
        author=escape(description.author),
        identifier=escape(description.identifier),
        source=record_source(record_sha256),
        date=date,
        tool=escape(description.software),
        producer=PRODUCER,
    )
    pdf.Root.Metadata = Stream(pdf, packet.encode("utf-8"), Type=Name.Metadata, Subtype=Name.XML)
    pdf.trailer.Info = pdf.make_indirect(
        Dictionary(
            Title=String(description.title),
            Author=String(description.author),
            Creator=String(description.software),
            Producer=String(PRODUCER),
            CreationDate=String(_pdf_date(description)),
            ModDate=String(_pdf_date(description)),
        )
    )
    pdf.Root.Lang = String("en")
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)


def _pdf_date(description: Description) -> str:
    local = description.created
    digits = "".join(character for character in local[:19] if character.isdigit())
    return f"D:{digits}{local[26:29]}'{local[30:32]}'"


def _output_intent(pdf: pikepdf.Pdf) -> None:
    profile = Stream(pdf, _PROFILE.read_bytes(), N=3, Alternate=Name.DeviceRGB)
    pdf.Root.OutputIntents = Array(
        [
            Dictionary(
                Type=Name.OutputIntent,
                S=Name.GTS_PDFA1,
                OutputConditionIdentifier=String("sRGB IEC61966-2.1"),
                Info=String("sRGB IEC61966-2.1"),
                DestOutputProfile=pdf.make_indirect(profile),
            )
        ]
    )


def _attach(pdf: pikepdf.Pdf, name: str, data: bytes, date: str) -> None:
    file = Stream(pdf, data, Type=Name.EmbeddedFile)
    file["/Subtype"] = Name("/" + _TYPES.get(Path(name).suffix, "application/octet-stream"))
    file["/Params"] = Dictionary(Size=len(data), ModDate=String(date))
    specification = pdf.make_indirect(
        Dictionary(
            Type=Name.Filespec,
            F=String(name),
            UF=String(name),
            Desc=String(f"sha256 {sha256_hex(data)}"),
            AFRelationship=Name.Source if name == RECORD else Name.Supplement,
            EF=Dictionary(F=pdf.make_indirect(file), UF=pdf.make_indirect(file)),
        )
    )
    if "/AF" not in pdf.Root:
        pdf.Root.AF = Array()
        pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array()))
    pdf.Root.AF.append(specification)
    pdf.Root.Names.EmbeddedFiles.Names.extend([String(name), specification])


def _signature_field(pdf: pikepdf.Pdf, signer: str) -> None:
    left, bottom, right, top = SIGNATURE_BOX
    appearance = Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, right - left, top - bottom])
    page = pdf.pages[0]
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Sig,
            T=String(SIGNATURE_FIELD),
            TU=String(f"Signature of {signer}"),
            F=132,
            Rect=[round(edge, 2) for edge in SIGNATURE_BOX],
            P=page.obj,
            AP=Dictionary(N=pdf.make_indirect(appearance)),
        )
    )
    page.obj.Annots = Array([field])
    pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=Array([field]), SigFlags=0))
