"""The simulated topics: the vendor's documented fields, with values that agree with each other across topics.

How records hang together: a unit's number decides its property; the first units are occupied, each by the household
and under the lease of the same number; a customer belongs to the household that its number falls on. So every foreign
key can be computed from numbers alone, and points only to records that are never deleted.
"""

from loaders.simulator.columns import STAMPS, Column, Topic, common
from loaders.simulator.scale import RESERVED, Scale, kept
from loaders.simulator.sql import amount, dice, one_in, pick
from loaders.simulator.vocabulary import ACTIVITY_TYPES, CALL_NOTES, ENTRY_NOTES, LEDGER_NOTES, PROBLEMS, SERVICE_NOTES, VENDOR_NOTES


def work_orders(scale: Scale) -> Topic:
    """Work orders, which go from open to completed; with door and alarm codes, which must not leak."""
    return Topic(
        "workorders",
        scale.rows(1),
        (*common("WO", "workorders"), *_WORK_ORDER_LINKS, *_WORK_ORDER_WORK, *_WORK_ORDER_COSTS, *STAMPS),
        {
            "unit_no": dice("unit", kept(scale.units)),
            "property_no": f"unit_no % {scale.properties}",
            "in_unit": f"not {one_in('common', 12)}",
            "at_home": f"in_unit and unit_no < {kept(scale.leases)}",
            "plain": f"i < {RESERVED} or i >= {scale.rows(1)}",
            "stage": f"least(2, v + case when plain then 0 else greatest(0, {dice('stage', 5)} - 1) end)",
            "on_hold": f"stage = 1 and not plain and {one_in('hold', 6)}",
            "hours": f"1 + {dice('hours', 6)}",
        },
    )


_UNIT_OBJECT = """concat('{"id":"', uid('units', unit_no), '","number":"', unit_number(unit_no), '"}')"""
_PHOTOS = """'[{"name":"before, \\"wide\\".jpg"},{"name":"after.jpg"}]'"""
_WORK_ORDER_LINKS = (
    Column("idempotencyId", "text", "uid('requests', i)"),
    Column("organizationId", "text", "organization_id()"),
    Column("propertyId", "text", "uid('properties', property_no)"),
    Column("unitId", "text", "case when in_unit then uid('units', unit_no) end"),
    Column("householdId", "text", "case when at_home then uid('households', unit_no) end"),
    Column("customerId", "text", "case when at_home then uid('customers', unit_no) end"),
    Column("assignedUserId", "text", f"case when stage > 0 then uid('users', {dice('user', 9)}) end"),
    Column("maintenanceIssueId", "text", f"uid('maintenanceissues', {dice('problem', 10)})"),
    Column("maintenanceLocationId", "text", f"uid('maintenancelocations', {dice('location', 6)})"),
    Column("maintenanceLocationType", "text", "case when in_unit then 'UNIT' else 'COMMON_AREA' end"),
    Column("otherLocationDetail", "text", "case when in_unit then null else 'Laundry room, 2nd floor' end"),
    Column("unit", "text", f"case when in_unit then {_UNIT_OBJECT} end"),
    Column("attachmentIds", "text", f"case when {one_in('photo', 5)} then concat(uid('photos', i), ',', uid('photos', i + 1)) end"),
    Column("attachments", "text", f"case when {one_in('photo', 5)} then {_PHOTOS} else '[]' end"),
)
_WORK_ORDER_WORK = (
    Column("status", "text", "case when on_hold then 'ON_HOLD' else ['OPEN', 'IN_PROGRESS', 'COMPLETED'][1 + stage] end"),
    Column("priority", "text", pick("priority", ["LOW", "MEDIUM", "MEDIUM", "HIGH", "EMERGENCY"])),
    Column("description", "text", pick("problem", PROBLEMS)),
    Column("holdReason", "text", "case when on_hold then 'Waiting for parts' when stage = 2 then '' end"),
    Column("previouslyReported", "boolean", one_in("again", 7)),
    Column("entryPreference", "text", pick("entry", ["ANYTIME", "CALL_FIRST", "RESIDENT_PRESENT", None])),
    Column("entryNotes", "text", pick("notes", ENTRY_NOTES)),
    Column("hasPetAlert", "boolean", one_in("pet", 4)),
    Column("isAlarmActive", "boolean", one_in("alarm", 9)),
    Column("alarmCode", "text", f"case when {one_in('alarm', 9)} then lpad({dice('alarm code', 10000)}::varchar, 4, '0') end"),
    Column("isDoorCodeActive", "boolean", one_in("door", 6)),
    Column("doorCode", "text", f"case when {one_in('door', 6)} then concat('#', {dice('door code', 900)} + 100) else '' end"),
    Column("requestorName", "text", "case when at_home then concat(first_name(unit_no), ' ', last_name(unit_no)) end"),
    Column("requestorEmail", "text", "case when at_home then email(unit_no) end"),
    Column("requestorPhone", "text", "case when at_home then phone(unit_no) end"),
    Column("requestedStartDateFrom", "date", "born::date + 1"),
    Column("requestedStartDateTo", "date", "born::date + 3"),
    Column("requestedStartTimeFrom", "text", pick("from", ["08:00", "09:30", "13:00", None])),
    Column("requestedStartTimeTo", "text", pick("from", ["12:00", "13:30", "17:00", None])),
    Column("dueDate", "date", f"born::date + 3 + ({dice('due', 10)})::integer"),
    Column("completedAt", "timestamp", "case when stage = 2 then touched end"),
    Column("serviceNotes", "text", f"case when stage > 0 then {pick('service', SERVICE_NOTES, moves=True)} end"),
    Column("technicianNotes", "text", "case when stage = 2 then concat(hours, ' h on site, visit ', 1 + v) end"),
    Column("vendorNotes", "text", pick("vendor", VENDOR_NOTES)),
)
_WORK_ORDER_COSTS = (
    Column("hourlyServiceRate", "amount", amount("rate", 35, 90)),
    Column("totalLaborCost", "amount", f"case when stage = 2 then ({amount('rate', 35, 90)} * hours)::decimal(12, 2) end"),
    Column("totalCostOfMaterialsUsed", "amount", f"case when stage = 2 then {amount('materials', 0, 180)} end"),
    Column("totalAmountOwedByProperty", "amount", f"case when stage = 2 then {amount('property pays', 0, 400)} end"),
    Column("totalAmountOwedByResident", "amount", "case when stage = 2 then 0.00::decimal(12, 2) end"),
    Column("createdBy", "text", f"uid('users', {dice('creator', 9)})"),
    Column("updatedBy", "text", f"uid('users', ({dice('creator', 9)} + v) % 9)"),
)


def activities(scale: Scale) -> Topic:
    """Activities. The documents list little beyond their type, so the two columns more are ones no registry expects."""
    columns = (
        Column("id", "text", "uid('activities', i)"),
        Column("type", "text", pick("type", ACTIVITY_TYPES)),
        Column("customerId", "text", "uid('customers', customer_no)"),
        Column("notes", "text", pick("notes", CALL_NOTES, moves=True)),
        *STAMPS,
    )
    return Topic("activities", scale.rows(1.5), columns, {"customer_no": dice("customer", kept(scale.customers))})


def units(scale: Scale) -> Topic:
    """Units, with a list of objects as JSON text. Every other household moves out at its unit's first change."""
    columns = (
        *common("U", "units"),
        Column("organizationId", "text", "organization_id()"),
        Column("propertyId", "text", f"uid('properties', i % {scale.properties})"),
        Column("buildingId", "text", "uid('buildings', i % 8)"),
        Column("floorPlanId", "text", f"uid('floorplans', {dice('plan', 5)})"),
        Column("number", "text", "unit_number(i)"),
        Column("floorLevel", "text", pick("floor", ["1", "2", "3", "", None])),
        Column("status", "text", "case when lived_in then 'OCCUPIED_NO_NOTICE' else ['VACANT_NOT_READY', 'VACANT_READY'][1 + v % 2] end"),
        Column("isADA", "boolean", one_in("ada", 12)),
        Column("currentHouseholdId", "text", "case when lived_in then uid('households', i) end"),
        Column("makeReadyDate", "date", "case when not lived_in then touched::date + 7 end"),
        Column("lastVacancyStartDate", "date", "case when not lived_in then born::date + 30 end"),
        Column("vacantSince", "timestamp", "case when not lived_in then born + interval 30 day end"),
        Column("reportOrder", "number", "(i + 1) / 2"),
        Column("reportConfigurationValue", "text", pick("report", ["RESIDENTIAL", "RESIDENTIAL", "MODEL"])),
        Column("amenities", "text", """'[{"name":"Balcony, south"},{"name":"Washer \\"LG\\""}]'"""),
        *STAMPS,
    )
    stays = f"not ({one_in('moves out', 2)} and v % 2 = 1)"
    return Topic("units", scale.units, columns, {"lived_in": f"i < {kept(scale.leases)} and {stays}"})


def leases(scale: Scale) -> Topic:
    """Leases: every unit that is lived in has the one of its number, perhaps others. A change raises the rent or is a notice."""
    columns = (
        *common("L", "leases"),
        Column("organizationId", "text", "organization_id()"),
        Column("propertyId", "text", f"uid('properties', unit_no % {scale.properties})"),
        Column("unitId", "text", "uid('units', unit_no)"),
        Column("householdId", "text", "uid('households', unit_no)"),
        Column("documentId", "text", f"case when {one_in('paper', 4)} then null else uid('documents', i) end"),
        Column("startDate", "date", "starts"),
        Column("endDate", "date", "starts + 365"),
        Column("moveInDate", "date", f"starts + ({dice('move', 5)})::integer"),
        Column("moveOutDate", "date", "case when leaves then touched::date + 30 end"),
        Column("makeReadyDate", "date", "null::date"),
        Column("rentAmount", "amount", f"({amount('rent', 700, 2400)} + case when leaves then 0 else 25 * v end)::decimal(12, 2)"),
        Column("securityDepositAmount", "amount", amount("deposit", 0, 2400)),
        Column("turnMoveOutDays", "number", "case when leaves then 5 + v end"),
        *STAMPS,
    )
    steps = {
        "unit_no": f"i % {kept(scale.leases)}",
        "starts": f"born::date + ({dice('start', 30)})::integer",
        "leaves": f"v > 0 and {one_in('notice', 2)}",
    }
    return Topic("leases", scale.leases, columns, steps)


def customers(scale: Scale) -> Topic:
    """Customers, who are invented: every address is at example.com."""
    columns = (
        *common("C", "customers"),
        Column("organizationId", "text", "organization_id()"),
        Column("propertyId", "text", f"uid('properties', household_no % {scale.properties})"),
        Column("householdId", "text", "uid('households', household_no)"),
        Column("firstName", "text", "first_name(i)"),
        Column("middleName", "text", pick("middle", [None, "", "J.", "Marie"])),
        Column("lastName", "text", "last_name(i)"),
        Column("preferredName", "text", "case when v % 2 = 1 then left(first_name(i), 3) end"),
        Column("suffix", "text", pick("suffix", [None, None, None, "", "III"])),
        Column("email", "text", "email(i)"),
        Column("phone", "text", "phone(i + v)"),
        Column("birthDate", "date", f"date '1945-01-01' + ({dice('birth', 21000)})::integer"),
        Column("gender", "text", pick("gender", ["F", "M", "X", "", None])),
        Column("headOfHousehold", "boolean", f"i < {kept(scale.leases)}"),
        Column("relationship", "text", f"case when i < {kept(scale.leases)} then 'HEAD' else 'SPOUSE' end"),
        Column("status", "text", pick("status", ["CURRENT", "CURRENT", "CURRENT", "FUTURE", "PAST"])),
        *STAMPS,
    )
    return Topic("customers", scale.customers, columns, {"household_no": f"i % {kept(scale.leases)}"})


def transactions(scale: Scale) -> Topic:
    """Transactions; the running balance is derived, and moves with each version."""
    columns = (
        *common("T", "transactions"),
        Column("organizationId", "text", "organization_id()"),
        Column("propertyId", "text", f"uid('properties', household_no % {scale.properties})"),
        Column("householdId", "text", "uid('households', household_no)"),
        Column("customerId", "text", "uid('customers', customer_no)"),
        Column("type", "text", pick("type", ["CHARGE", "CHARGE", "PAYMENT", "CREDIT"])),
        Column("code", "text", pick("type", ["RENT", "LATE_FEE", "ACH", "CONCESSION"])),
        Column("ledger", "text", pick("ledger", ["RESIDENT", "RESIDENT", "SECURITY"])),
        Column("subjournal", "text", pick("ledger", ["OPERATING", "SUBSIDY", "SECURITY"])),
        Column("date", "timestamp", "date_trunc('day', born)"),
        Column("paymentDate", "timestamp", "case when paid then touched end"),
        Column("fiscalPeriod", "text", "strftime(born, '%Y-%m')"),
        Column("amount", "amount", f"({amount('amount', 5, 2400)} * case when {dice('type', 4)} < 2 then 1 else -1 end)::decimal(12, 2)"),
        Column("runningBalanceAmount", "amount", f"({amount('balance', 0, 3000)} - 10 * v)::decimal(12, 2)"),
        Column("isPaid", "boolean", "paid"),
        Column("note", "text", pick("note", LEDGER_NOTES)),
        *STAMPS,
    )
    steps = {
        "customer_no": dice("customer", kept(scale.customers)),
        "household_no": f"customer_no % {kept(scale.leases)}",
        "paid": f"v > 0 or {one_in('paid', 2)}",
    }
    return Topic("transactions", scale.rows(2), columns, steps)


def parking_spaces(scale: Scale) -> Topic:
    """A topic that no registry lists: it must be loaded and readable all the same."""
    columns = (
        Column("id", "text", "uid('parkingspaces', i)"),
        Column("unitId", "text", f"case when {one_in('free', 5)} then null else uid('units', {dice('unit', kept(scale.units))}) end"),
        Column("number", "text", "concat('P', 1 + i)"),
        Column("isCovered", "boolean", one_in("covered", 3)),
        Column("monthlyRateAmount", "amount", f"({amount('rate', 20, 95)} + 5 * v)::decimal(12, 2)"),
        *STAMPS,
    )
    return Topic("parkingspaces", scale.rows(0.2), columns)


def all_topics(scale: Scale) -> tuple[Topic, ...]:
    """Every simulated topic, at one scale."""
    made = (work_orders, activities, units, leases, customers, transactions, parking_spaces)
    return tuple(make(scale) for make in made)
