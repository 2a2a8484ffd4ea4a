"""Words by which the columns and codes of the data dictionary may be recognised in a centre's own files.

English, Slovenian, Croatian, German, French, Italian and Spanish, in small letters and without accents.
"""

import unicodedata

# Not columns of the data dictionary, but dates from which some of them come.
DATES = {
    "delivery_date": "delivery date;date of delivery;date of birth of child;datum poroda;porod;"
    "datum porodaja;"
    "entbindungsdatum;datum der entbindung;geburtsdatum kind;geburtstermin;date accouchement;"
    "date de l accouchement;data del parto;data parto;fecha del parto;fecha de parto",
    "birth_date": "date of birth;birth date;dob;datum rojstva;rojena;datum rodenja;datum rodjenja;"
    "geburtsdatum;"
    "geboren;date de naissance;data di nascita;fecha de nacimiento",
    "lmp_date": "last menstrual period;lmp;lmp date;zadnja menstruacija;datum zadnje menstruacije;"
    "posljednja menstruacija;letzte periode;letzte regelblutung;dernieres regles;ultima mestruazione;"
    "ultima menstruacion;ultima regla",
}
COLUMNS = {
    "pregnancies": {
        "pregnancy_id": "pregnancy id;pregnancy number;id nosecnosti;nosecnost;sifra nosecnosti;id trudnoce;"
        "trudnoca;schwangerschaft id;schwangerschafts id;id grossesse;id gravidanza;id embarazo",
        "woman_id": "woman id;woman;patient id;patient;id;id bolnice;id bolnika;id bolnika;bolnica;pacientka;"
        "id pacientke;id zenske;id pacijentice;pacijentica;patientin;patienten id;patientin id;id patiente;"
        "id paziente;paziente;id paciente;paciente",
        "delivery_year": "delivery year;year of delivery;leto poroda;godina poroda;jahr der entbindung;"
        "entbindungsjahr;annee accouchement;anno del parto;ano del parto",
        "age_at_delivery": "age at delivery;age;starost;starost ob porodu;dob pri porodu;dob;alter;"
        "alter bei entbindung;alter bei geburt;age accouchement;eta al parto;eta;edad al parto;edad",
        "ms_diagnosis_year": "ms diagnosis year;year of diagnosis;diagnosis;diagnosis date;leto diagnoze;"
        "diagnoza;datum diagnoze;godina dijagnoze;dijagnoza;diagnosejahr;diagnose;diagnosedatum;"
        "annee du diagnostic;diagnostic;anno diagnosi;diagnosi;ano diagnostico;diagnostico",
        "gestation_days": "gestation days;gestation;gestational age;gestation weeks;weeks;teden;tedni;"
        "trajanje nosecnosti;gestacija;gestacijska starost;tjedan;tjedni;trajanje trudnoce;ssw;"
        "schwangerschaftswoche;schwangerschaftsdauer;semaines;terme;age gestationnel;settimane;"
        "eta gestazionale;semanas;edad gestacional",
        "onset_after_lmp": "onset after lmp;ms onset in pregnancy;zacetek po zadnji menstruaciji;"
        "zacetek ms v nosecnosti;pocetak ms u trudnoci;beginn in der schwangerschaft;debut pendant grossesse",
        "outcome": "outcome;pregnancy outcome;izid;izid nosecnosti;ishod;ishod trudnoce;ausgang;"
        "schwangerschaftsausgang;issue;issue de la grossesse;esito;esito gravidanza;resultado",
        "edss_before": "edss before;edss;edss pred nosecnostjo;edss prije trudnoce;edss vor schwangerschaft;"
        "edss avant;edss prima;edss antes",
        "dmt_before": "dmt before;dmt;therapy;treatment;therapy before pregnancy;zdravilo;terapija;"
        "zdravilo pred nosecnostjo;terapija pred nosecnostjo;lijek;terapija prije trudnoce;therapie;"
        "medikament;therapie vor schwangerschaft;traitement;traitement avant;terapia;farmaco;"
        "terapia prima;tratamiento;tratamiento antes",
        "dmt_stop_day": "dmt stop day;last dose;dmt stop;zadnji odmerek;ukinitev zdravila;posljednja doza;"
        "prekid terapije;letzte dosis;absetzen;therapieende;derniere dose;arret du traitement;ultima dose;"
        "sospensione;ultima dosis;suspension",
        "relapses_pre_year": "relapses pre year;relapses before pregnancy;zagoni pred nosecnostjo;"
        "stevilo zagonov pred nosecnostjo;relapsi prije trudnoce;schube vor schwangerschaft;"
        "schuebe vor schwangerschaft;poussees avant grossesse;ricadute prima;brotes antes",
        "relapses_pregnancy": "relapses pregnancy;relapses in pregnancy;zagoni v nosecnosti;"
        "stevilo zagonov v nosecnosti;relapsi u trudnoci;schube in der schwangerschaft;"
        "schuebe in der schwangerschaft;poussees pendant grossesse;ricadute in gravidanza;"
        "brotes en embarazo",
        "relapses_post_year": "relapses post year;relapses after delivery;relapses postpartum;"
        "zagoni po porodu;"
        "stevilo zagonov po porodu;relapsi nakon poroda;schube nach entbindung;schuebe nach entbindung;"
        "poussees apres accouchement;ricadute dopo parto;brotes despues del parto",
        "observed_from_day": "observed from day;observed from;first visit;opazovana od;zacetek sledenja;"
        "prvi pregled;pracenje od;beobachtet ab;beobachtungsbeginn;erste visite;suivi depuis;"
        "debut du suivi;osservata dal;observada desde",
        "observed_to_day": "observed to day;observed to;last visit;opazovana do;konec sledenja;"
        "konec opazovanja;zadnji pregled;"
        "pracenje do;beobachtet bis;beobachtungsende;letzte visite;fin du suivi;suivi jusqu a;"
        "osservata fino al;observada hasta",
        "next_conception_day": "next conception day;next conception;next pregnancy;naslednja zanositev;"
        "naslednja nosecnost;sljedece zacece;sljedeca trudnoca;nachste empfangnis;nachste schwangerschaft;"
        "prochaine conception;prossimo concepimento;proxima concepcion",
        "ivig": "ivig;immunoglobulin;immunoglobulins;imunoglobulini;imunoglobulin;immunglobulin;"
        "immunglobuline;"
        "immunoglobulines;immunoglobuline;inmunoglobulina",
        "breastfeeding": "breastfeeding;dojenje;stillen;allaitement;allattamento;lactancia",
        "dmt_restart_day": "dmt restart day;dmt restart;therapy restart;ponovna uvedba zdravila;"
        "ponovna uvedba terapije;ponovni pocetak terapije;wiederbeginn der therapie;therapie wieder;"
        "reprise du traitement;ripresa terapia;reinicio del tratamiento",
        "dmt_in_pregnancy": "dmt in pregnancy;therapy in pregnancy;zdravilo v nosecnosti;"
        "terapija v nosecnosti;terapija u trudnoci;therapie in der schwangerschaft;"
        "traitement pendant grossesse;terapia in gravidanza;tratamiento en embarazo",
        "steroid_prophylaxis": "steroid prophylaxis;steroids;kortikosteroidi;profilaksa s kortikosteroidi;"
        "steroidna profilaksa;profilaksa kortikosteroidima;steroidprophylaxe;kortisonprophylaxe;"
        "prophylaxie par corticoides;profilassi steroidea;profilaxis con esteroides",
        "visits_post_year": "visits post year;visits;number of visits;obiski;stevilo obiskov;pregledi;"
        "broj pregleda;visiten;anzahl visiten;visites;nombre de visites;visite;visitas",
        "parity": "parity;paritet;prejsnji porodi;porodi;paritat;parite;parita;paridad",
        "assisted_reproduction": "assisted reproduction;ivf;oploditev z biomedicinsko pomocjo;"
        "umetna oploditev;potpomognuta oplodnja;kunstliche befruchtung;procreation assistee;"
        "procreazione assistita;reproduccion asistida",
        "iga_deficiency": "iga deficiency;pomanjkanje iga;nedostatak iga;iga mangel;deficit en iga;"
        "deficit di iga;deficit de iga",
        "renal_disease": "renal disease;kidney disease;ledvicna bolezen;bolezen ledvic;bolest bubrega;"
        "nierenerkrankung;nierenkrankheit;maladie renale;malattia renale;enfermedad renal",
        "heart_disease": "heart disease;srcna bolezen;bolezen srca;bolest srca;herzerkrankung;"
        "herzkrankheit;maladie cardiaque;cardiopathie;malattia cardiaca;cardiopatia;enfermedad cardiaca",
        "diabetes": "diabetes;sladkorna bolezen;secerna bolest;diabete",
    },
    "relapses": {
        "onset_day": "onset day;onset;relapse date;datum zagona;zacetek zagona;zagon;datum relapsa;"
        "pocetak relapsa;schubdatum;schubbeginn;datum des schubs;date de poussee;data ricaduta;"
        "fecha del brote",
        "steroids": "steroids;kortikosteroidi;kortizon;steroidi;steroide;kortison;corticoides;"
        "corticosteroides;"
        "steroidi;cortisone;esteroides",
        "confirmed": "confirmed;potrjen;ugotovljen;potvrden;bestatigt;confirmee;confermata;confirmado",
        "severity": "severity;teza;stopnja;tezina;schwere;schweregrad;severite;gravita;gravedad",
    },
    "infusions": {
        "day": "day;infusion date;datum infuzije;dan;datum der infusion;infusionsdatum;date de perfusion;"
        "data infusione;fecha de infusion",
        "grams": "grams;dose;dose in g;gram;grami;odmerek;odmerek v g;doza;gramm;dosis;dosis in g;grammes;"
        "grammi;gramos",
        "grams_per_kg": "grams per kg;dose per kg;g kg;odmerek na kg;doza po kg;dosis pro kg;dose par kg;"
        "dose per chilo;dosis por kg",
    },
    "adverse_events": {
        "day": "day;event date;adverse event date;datum dogodka;datum nezelenega ucinka;dan;datum dogadaja;"
        "ereignisdatum;datum des ereignisses;date de l evenement;data evento;fecha del evento",
        "term": "term;event;adverse event;nezeleni ucinek;dogodek;dogadaj;nuspojava;ereignis;nebenwirkung;"
        "evenement;effet indesirable;evento;evento avverso;evento adverso",
        "serious": "serious;resen;hud;ozbiljan;schwerwiegend;grave",
    },
}
for _table in ("relapses", "infusions", "adverse_events"):
    COLUMNS[_table]["pregnancy_id"] = COLUMNS["pregnancies"]["pregnancy_id"]

TABLE_WORDS = {
    "pregnancies": "pregnancies;nosecnosti;porodi;trudnoce;schwangerschaften;grossesses;gravidanze;embarazos",
    "relapses": "relapses;zagoni;relapsi;schube;schuebe;poussees;ricadute;brotes",
    "infusions": "infusions;infuzije;infusionen;perfusions;infusioni;infusiones",
    "adverse_events": "adverse events;events;nezeleni ucinki;dogodki;nuspojave;dogadaji;ereignisse;"
    "nebenwirkungen;evenements;eventi avversi;eventi;eventos",
}
YES_NO = (
    *(
        ("1", "0"),
        ("true", "false"),
        ("yes", "no"),
        ("da", "ne"),
        ("ja", "nein"),
        ("oui", "non"),
        ("si", "no"),
    ),
    *(("sì", "no"), ("sí", "no"), ("y", "n"), ("d", "n"), ("j", "n"), ("o", "n"), ("s", "n")),
)
# Brand names and words, each with its code.
CODES = {
    "interferon_beta": "avonex;rebif;betaferon;betaseron;extavia;plegridy;interferon;interferon beta;"
    "interferon "
    "beta 1a;interferon beta 1b",
    "glatiramer_acetate": "copaxone;glatopa;brabio;clift;glatiramer;glatirameracetat;glatiramer acetat",
    "teriflunomide": "aubagio;teriflunomid",
    "dimethyl_fumarate": "tecfidera;dimetilfumarat;dimethylfumarat;dimetil fumarat",
    "fingolimod": "gilenya",
    "ozanimod": "zeposia",
    "siponimod": "mayzent",
    "ponesimod": "ponvory",
    "natalizumab": "tysabri;tyruko",
    "ocrelizumab": "ocrevus;okrelizumab",
    "ofatumumab": "kesimpta",
    "rituximab": "mabthera;rituxan;truxima;rixathon;rituksimab",
    "cladribine": "mavenclad;kladribin;cladribin",
    "alemtuzumab": "lemtrada",
    "mitoxantrone": "novantrone;mitoksantron;mitoxantron",
    "azathioprine": "imuran;imurel;imurek;azatioprin;azathioprin",
    "none": "brez;brez terapije;nobeno;nobena;bez terapije;bez;keine;keine therapie;aucun;aucune;nessuno;"
    "nessuna;ninguno;ninguna;no therapy;ne;nein;non;no",
    "other": "drugo;ostalo;andere;sonstige;autre;altro;altra;otro;otra",
    "unknown": "neznano;nepoznato;unbekannt;inconnu;sconosciuto;desconocido",
    "live_birth": "ziv;zivorojen;zivorojenost;zivorodeno;lebendgeburt;naissance vivante;nato vivo;"
    "nacido vivo",
    "stillbirth": "mrtvorojen;mrtvorojenost;mrtvorodeno;totgeburt;mort ne;nato morto;mortinato",
    "partial": "delno;djelomicno;teilweise;partiel;parziale;parcial",
    "exclusive": "izkljucno;iskljucivo;ausschliesslich;exclusif;esclusivo;exclusivo",
    "examined": "pregled;pregledan;pregledana;untersucht;examine;esaminato;examinado",
    "reported": "porocan;porocilo;prijavljen;berichtet;rapporte;riferito;referido",
    "mild": "blag;blaga;blagi;leicht;leger;lieve;leve",
    "moderate": "zmeren;zmerna;umjeren;umjerena;mittel;massig;modere;moderato;moderado",
    "severe": "hud;huda;tezak;teska;schwer;severe;grave",
    "headache": "glavobol;glavobolja;kopfschmerz;kopfschmerzen;cephalee;cefalea",
    "fever": "vrocina;vrucica;fieber;fievre;febbre;fiebre",
    "rash": "izpuscaj;osip;ausschlag;eruption;eritema;erupcion",
    "infection": "okuzba;infekcija;infektion;infezione;infeccion",
    "vomiting": "bruhanje;povracanje;erbrechen;vomissement;vomito",
    "thrombosis": "tromboza;thrombose;trombosi;trombosis",
    "anaphylaxis": "anafilaksija;anaphylaxie;anafilassi;anafilaxia",
}


def simple(word: str) -> str:
    """Return a word in small letters without accents, its parts one blank apart."""
    word = word.casefold().replace("đ", "d").replace("ß", "ss").replace("ł", "l")
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)
    )
    return " ".join("".join(letter if letter.isalnum() else " " for letter in plain).split())
