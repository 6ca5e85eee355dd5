"""The English words by which a sentence says which way something went, that it did not, why, or what came first."""

import re

RISE = re.compile(
    r"\b(?:rose|risen|rises?|rising|climb(?:ed|s|ing)?|increas(?:e|ed|es|ing)|grew|grows?|grown|growing|growth"
    r"|jump(?:ed|s|ing)?|spik(?:e|ed|es|ing)|surg(?:e|ed|es|ing)|soar(?:ed|s|ing)?|higher|went up|goes up|going up"
    r"|(?:up) from|shot up|doubled|tripled|quadrupled|slower|worsened|appear(?:ed|s)?|emerged|started|began"
    r"|c[oa]mes? (?:back )?(?:up|online)|c[oa]mes? back(?! (?:with|as|to|from|in)\b)|resumed"
    r"|(?:took|takes?|taking) (?:off|longer)"
    r"|accelerated|swelled|multiplied|escalat(?:ed|es|ing))\b",
    re.IGNORECASE,
)
FALL = re.compile(
    r"\b(?:fell|fallen|falls?|falling|drop(?:ped|s|ping)?|decreas(?:e|ed|es|ing)|declin(?:e|ed|es|ing)|shrank|shrunk"
    r"|shrinks?|plung(?:e|ed|es|ing)|plummet(?:ed|s|ing)?|sank|sunk|lower"
    r"|went (?:down|away|offline)|c[oa]mes? down|goes down|going down|down (?:from|to)"
    r"|halved|faster|(?:took|takes?|taking) less time"
    r"|vanish(?:ed|es|ing)?|disappear(?:ed|s|ing)?|stopp(?:ed|ing)|stops|collapsed?|dipped|dips?"
    r"|subsided|ceased|reduced|diminish(?:ed|es)?|recovered|improved|eased)\b",
    re.IGNORECASE,
)
STAY = re.compile(
    r"\b(?:stay(?:ed|s|ing)?|plateau(?:ed|s)?|level(?:led|ed)? off|remain(?:ed|s|ing)?|unchanged|unaffected"
    r"|constant|flat|steady|stable|as usual|as before"
    r"|(?:is|are|was|were|look(?:s|ed)?) (?:healthy|normal|fine|ok)|no change|did not change|has not changed|kept)\b",
    re.IGNORECASE,
)
NOT = re.compile(
    r"\b(?:no|not|never|none|nothing|without|neither|nor|nobody|cannot|hardly|barely"
    r"|fail(?:s|ed)? to(?!\s+[\d~]))\b|n[’']t\b",
    re.IGNORECASE,
)
CANNOT = re.compile(r"(?:cannot|can[’']t|can not|could not|couldn[’']t|unable|not able)\b", re.IGNORECASE)
DOWN = re.compile(
    r"\b(?:is|are|was|were|be|been|being|remains?|stays?|stayed)\s+(?:(?:also|now|still|completely|entirely|fully|totally)\s+)*"
    r"(?:down|offline|dead|unreachable|unavailable)\b(?!\s*(?:[\d(¶]|(?:to|by|from|about|around|roughly|nearly|on|for)\b))",
    re.IGNORECASE,
)
OUTAGE = re.compile(
    r"refus|unreach|unavail|no route|timed? ?out|\bdown\b|kill|crash|back-?off|restart|startup|not running"
)
"""What a finding holds of which one may say that something is down."""
HEALTHY = re.compile(r"\b(?:nothing unusual|not affected|no(?:thing)? out of the ordinary)\b", re.IGNORECASE)
"""Negations by which a sentence says that all is well."""
NO_LONGER = re.compile(r"\b(?:no longer|any ?more|any longer)\b", re.IGNORECASE)
BEFORE = re.compile(
    r"\b(?:before(?:hand)?|previously|earlier|until then|prior|(?:in|during|over) (?:the |its )?baseline)\b"
    r"(?!\s+(?:that|the(?! (?:onset|incident)\b)|version|its|it\s+\w+)\b)",
    re.IGNORECASE,
)
ABOVE = re.compile(
    r"\b(above|over|exceed(?:s|ed|ing)?|beyond|higher than|cross(?:ed|es|ing)|surpass(?:ed|es|ing)|breach(?:ed|es|ing)"
    r"|pass(?:ed|es|ing)(?= (?:the|its|a) (?:limit|threshold)))\b",
    re.IGNORECASE,
)
BELOW = re.compile(r"\b(below|under|beneath|lower than)\b", re.IGNORECASE)
CAUSE = re.compile(
    r"\b(?:because|caus(?:e|ed|es|ing)(?:\s+by)?|due to|owing to|thanks to"
    r"|as a (?:result|consequence)|result(?:s|ed|ing)? (?:in|from)"
    r"|led\s+(?:\S+\s+){0,5}?to|leads? to|leading to|therefore|thus|hence|consequently|trigger(?:s|ed|ing)?"
    r"|responsible for|root cause|explains?|forc(?:ed|es|ing)|stems? from|blame[ds]?|culprit|so that|driven by"
    r"|ma(?:de|kes|king)\s+(?:the\s+)?(?!\d|(?:to|by|from|of|up|in|on|at|with|for|it)\b)"
    r"(?!(?:more|fewer|many|several|few|no|two|three|four|five)\b)[\w-]+\s+"
    r"(?!(?:to|by|from|of|up|in|on|at|with|for)\b)[a-z]+"
    r"|brought down|which is why)\b",
    re.IGNORECASE,
)
FIRST = re.compile(
    r"\b(?:before|preced(?:ed|es|ing)|earlier than|ahead of|prior to|followed by|and then|then)\b", re.IGNORECASE
)
LATER = re.compile(r"\b(?:after|follow(?:ed|s|ing)?|later than|since|once|preceded by)\b", re.IGNORECASE)
FAILURE = re.compile(
    r"fail|refus|error|denied|missing|time(?:d )?out|unavail|exhaust|reject|expired|unreach|crash|5\d\d"
)

STATES = re.compile(r"\b(?:which|that|because|since|as|is|are|was|were|has|had|have|did|still)\b", re.IGNORECASE)
"""By these a sentence that proposes something says something of what happened, too."""
LINKING = frozenset(
    """
    affected again along already although anymore around as back be broken by come comes consistent continuing
    due during even fast fewer for from happen happened happens if indicate indicates indicating just less like
    loop lose loses lost made make makes more my no not occur occurred occurrence occurrences occurs off only
    out per reach reached receive received receives resident send sending sends sent short single so soon still
    succeed succeeded succeeds suggest suggesting suggests though through thus too until well what when where
    whose yet
    """.split()  # noqa: SIM905 - a list of words is read as words
)
"""Words that a clause may hold beside those of the findings, and that say nothing of what happened."""

COMMON = frozenset(
    """
    about after all and are as at be been before between by can could did do does down every for from had has
    have his how into is it its less may might more my no not now of on one only out over per should since than
    that the their then there this to two under up was were what when where which while will with would you your
    """.split()  # noqa: SIM905 - a list of words is read as words
)
"""Words of which no English sentence is without some."""

NOT_ELSEWHERE = frozenset(
    """
    aldrig aucun aucune geen ikke ingen inget inte jamais jamás kein keine keinen keiner keines nenhum nenhuma nessun
    nessuna nessuno nicht nie niemals niet nigdy ninguna ninguno ningún nooit nunca não pas
    """.split()  # noqa: SIM905 - a list of words is read as words
)
"""How other languages deny: many a sentence of them has English nouns, and is false without such a word."""

OWNER = re.compile(
    r"\b(?:of|by|from|at|on|in|for)\s+"
    r"(?:(?:the|its|a|an|service|pod|all|each|every|this|that|both)\s+)?([a-z][a-z0-9-]+)|\b([a-z][a-z0-9-]+)['’]s\b",
    re.IGNORECASE,
)
CALLED = re.compile(
    r"\b(?:from\s+[\w-]+|calls?|requests?|connections?|traffic)\s+to\s+(?:(?:the|its|service)\s+)?([a-z][a-z0-9-]+)",
    re.IGNORECASE,
)
DOER = re.compile(
    r"^([a-z][a-z0-9-]+):|(?:^|[.;:,◷]\s+(?:UTC,?\s+)?|\b(?:the|that|and|while|but)\s+)([a-z][a-z0-9-]+)\s+(?:(?:has|have|had|was|were|is|are|does|did|could|can|be|been|also|now|not|never)\s+)*"
    r"(?:restart(?:ed|s)?|runs?|ran|wrote|writes|logs|logged|reports?|reported|restarting|deployed|upgraded|crash(?:ed|es)?"
    r"|answers?|answered|fails|failed|rejects|rejected|went|warned|warns|waits|serves|shows|stopped|started|passes|became"
    r"|cannot|called|calls|moved|was deployed|needs|takes|took|fires)\b",
    re.IGNORECASE,
)
PLAIN = frozenset(
    """
    a about above access active addition alert alerts all allocation also amount an and answer answers any app
    application approximately are attempt attempts availability average backend baseline batch be been beginning
    being below body both but bytes cache call caller callers calls came can capacity card case cases cause
    certificate change changes charge charges check checks client clients code codes combination come comparison
    component components connection connections consumption container containers contrast core cores could count
    cpu crash crashes crashing crashloop current customer customers data database default degradation delay
    demand dependencies dependency deployment descriptors did disk do does down downstream downtime drop
    duration each end endpoint entire error errors every everything exactly example exception exceptions
    existing fact failing failure failures fall falling fatal few file files fire firing first following form
    forms free frequency front general going gone good growing growth had half hand handler handles has have
    header headers health healthy heap here host hour hours impact in incident incidents incoming increase
    increasing initial instance instances interval investigation is issue issues it its job jobs jump kind kinds
    last latency least length level limit limits line lines load log logs many maximum mean memory message
    messages metric metrics minimum minute minutes missing moment most much network never new next node nodes
    none normal nothing now number numbers of offset on once one ongoing onset operation operations or order
    orders other others outage outages outgoing outside overall p50 p90 p95 p99 parallel part particular parts
    past peak pending per percent percentage percentile period place pod pods point points pool practice
    preceding present previous prior problem problems process processes processing production purpose quantile
    queries query queue range rate rates ratio reality reason recent recovery release remaining request requests
    resource resources response responses rest restart restarting restarts result results retries retry rise
    rising rollback rollout roughly route routes row rule rules running same sample samples saturation schedule
    scope second seconds sequence series server service services serving set several share shop side signal
    since size slow some sort source spike start starting startup state status steady storage store style such
    system systems table target targets task tasks team than that the their them there these they thing things
    this those thread threads threshold time timeframe timeout timeouts times total trace traces traffic turn
    two type unit up upstream usage use user users usual value values version versions view volume waiting
    warning warnings was went were which while whole will window with wording words work worker workers would
    write writes zero
    """.split()  # noqa: SIM905 - a list of words is read as words
)
"""Words of the trade that may stand where the name of a component would."""
