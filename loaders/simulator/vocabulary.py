"""The words the simulated records are made of: commas, quotes, line breaks, accents and empty strings included."""

_PEOPLE_FIRST = {
    "Amara": "amara", "Zoë": "zoe", "José": "jose", "Mei": "mei", "Dmitri": "dmitri", "Aaliyah": "aaliyah", "Søren": "soren",
    "Grace": "grace", "Łukasz": "lukasz", "Priya": "priya", "Mary Ann": "maryann", "Omar": "omar", "雅": "miyabi", "Noah": "noah",
    "Renée": "renee", "Tunde": "tunde", "Walter": "walter",
}  # fmt: skip
_PEOPLE_LAST = {
    "O'Brien": "obrien", "Nguyễn": "nguyen", "García-López": "garcialopez", "Smith": "smith", "Okafor": "okafor", "Müller": "muller",
    "Washington, Jr.": "washington", "李": "li", "Petrov": "petrov", "Haddad": "haddad", "Kowalczyk": "kowalczyk", "Brown": "brown",
    "D’Angelo": "dangelo",
}  # fmt: skip

FIRST_NAMES, MAIL_FIRST = list(_PEOPLE_FIRST), list(_PEOPLE_FIRST.values())
LAST_NAMES, MAIL_LAST = list(_PEOPLE_LAST), list(_PEOPLE_LAST.values())

PROBLEMS = [
    "Kitchen sink leaks, bucket underneath is full",
    'Resident says the heater makes a "clanking" noise at night',
    "Bathroom fan is dead.\nAlso: light flickers, switch is warm",
    "Front door does not latch",
    "Água quente não funciona – no hot water since Tuesday",
    'Smoke detector chirps; battery "new"',
    "Fenêtre cassée, pane cracked in two places",
    "Refrigerator 🧊 freezes everything, even at \"1\"",
    "Garbage disposal jammed",
    "Mold on ceiling, ca. 30 × 40 cm",
]  # fmt: skip
ENTRY_NOTES = [None, "", "Call first, please", 'Dog is friendly, "Biscuit"', "Key at office\nask for Renée", None]
SERVICE_NOTES = [
    "",
    "Inspected; parts needed",
    'Replaced 1/2" valve, tested',
    "Replaced washer\nChecked for leaks: none",
    "Waiting for vendor, ETA \"tomorrow\"",
    "Done ✓",
]  # fmt: skip
VENDOR_NOTES = [None, None, None, "Quote #118, 2 visits", ""]
LEDGER_NOTES = [None, "", "June rent", 'Late fee, waived "once"', "Müll / trash fee", "Payment – thank you"]
CALL_NOTES = [None, "", "Left voicemail", 'Asked about parking, "2 cars"', "Tour went well\nwants 2 BR", "Écrit en français"]

ACTIVITY_TYPES = [
    "EMAILED", "TEXTED", "CALLED", "CALL_FAILED", "VISITED", "VISIT_NO_SHOW", "TOURED", "TOUR_CANCELLED", "APPLICATION_CREATED",
    "UNIT_ASSIGNED", "LEASE_OFFERED", "LEASE_EXECUTED", "MOVE_IN",
]  # fmt: skip
