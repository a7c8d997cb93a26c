"""Bidding zones and countries under the names that publishers give them. Pure."""

import re
import unicodedata
from collections.abc import Iterable

_NAMES = {
    "AT": "AUT AUSTRIA OSTERREICH OOSTENRIJK AUTRICHE 10YAT-APG------L",
    "BE": "BEL BELGIUM BELGIEN BELGIE BELGIQUE 10YBE----------2",
    "BG": "BGR BULGARIA BULGARIEN 10YCA-BULGARIA-R",
    "CH": "CHE SWITZERLAND SCHWEIZ ZWITSERLAND SUISSE 10YCH-SWISSGRIDZ",
    "CZ": "CZE CZECHIA CZECH_REPUBLIC TSCHECHIEN 10YCZ-CEPS-----N",
    "DE": "DEU GER GERMANY DEUTSCHLAND DUITSLAND ALLEMAGNE 10Y1001A1001A83F",
    "DE-LU": "GERMANY_LUXEMBOURG DEUTSCHLAND_LUXEMBURG DE_LU_LUX 10Y1001A1001A82H",
    "DK": "DNK DENMARK DANEMARK DENEMARKEN", "DK1": "DENMARK_1 DANEMARK_1 10YDK-1--------W",
    "DK2": "DENMARK_2 DANEMARK_2 10YDK-2--------M", "EE": "EST ESTONIA ESTLAND 10Y1001A1001A39I",
    "ES": "ESP SPAIN SPANIEN SPANJE ESPAGNE 10YES-REE------0", "FI": "FIN FINLAND FINNLAND 10YFI-1--------U",
    "FR": "FRA FRANCE FRANKREICH FRANKRIJK 10YFR-RTE------C", "GR": "GRC GREECE GRIECHENLAND 10YGR-HTSO-----Y",
    "HR": "HRV CROATIA KROATIEN 10YHR-HEP------M", "HU": "HUN HUNGARY UNGARN 10YHU-MAVIR----U",
    "IE": "IRL IRELAND IRLAND", "IT": "ITA ITALY ITALIEN", "LT": "LTU LITHUANIA LITAUEN 10YLT-1001A0008Q",
    "LU": "LUX LUXEMBOURG LUXEMBURG", "LV": "LVA LATVIA LETTLAND 10YLV-1001A00074",
    "NL": "NLD NETHERLANDS THE_NETHERLANDS NIEDERLANDE NEDERLAND PAYS_BAS 10YNL----------L",
    "NO": "NOR NORWAY NORWEGEN NOORWEGEN", "NO1": "NORWAY_1 10YNO-1--------2", "NO2": "NORWAY_2 10YNO-2--------T",
    "PL": "POL POLAND POLEN POLOGNE 10YPL-AREA-----S", "PT": "PRT PORTUGAL 10YPT-REN------W",
    "RO": "ROU ROMANIA RUMANIEN 10YRO-TEL------P", "SE": "SWE SWEDEN SCHWEDEN ZWEDEN",
    "SI": "SVN SLOVENIA SLOWENIEN 10YSI-ELES-----O", "SK": "SVK SLOVAKIA SLOWAKEI 10YSK-SEPS-----K",
}  # fmt: skip
_CODES = {alias.replace("-", "_"): code for code, names in _NAMES.items() for alias in names.split()}


def area_code(name: str) -> str:
    """Return an area's code, such as NL or DE-LU, from its code, name, ISO or EIC code; else the name in capitals."""
    text = unicodedata.normalize("NFKD", name.strip())
    text = "".join(sign for sign in text if not unicodedata.combining(sign)).upper()
    text = re.sub(r"^(?:BZN|CTY|CTA|MBA)\|", "", text)
    joined = re.sub(r"[^A-Z0-9∅]+", "_", text).strip("_")
    eic = re.sub(r"[^A-Z0-9]", "_", text)
    return _CODES.get(eic) or _CODES.get(joined) or joined.replace("_", "-")


def chosen_area(names: Iterable[str], asked: str | None) -> str | None:
    """Return which of a table's areas is meant; None when it is for the user to say.

    Raises ValueError, naming those there are, when the area asked for is not among them.
    """
    there = list(dict.fromkeys(names))
    if asked is None:
        codes = {area_code(name) for name in there}
        return there[0] if len(codes) == 1 else None
    code = area_code(asked)
    same = [name for name in there if area_code(name) == code]
    if not same and code in ("DE", "LU"):
        same = [name for name in there if area_code(name) == "DE-LU"]
    if not same:
        raise ValueError(f"has no area {asked}; it has {listed(there)}")
    return same[0]


def listed(names: Iterable[str]) -> str:
    """Return the areas' codes in words, beside their names where these differ."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(area_code(name), name)
    known = set(_NAMES)
    told = [name if code == name or code not in known else f"{code} ('{name}')" for code, name in seen.items()]
    return ", ".join(sorted(told))
