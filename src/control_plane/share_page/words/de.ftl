### The words of a share's page, in German.

decimal = ,
skip = Zum Inhalt springen
shared-by = Geteilt von { $name }
available-until = Verfügbar bis { $date }
language-name = Deutsch
privacy = Datenschutzerklärung

gate-heading = Diese Freigabe ist geschützt
gate-hint = Geben Sie das Passwort ein, das Sie erhalten haben.
password = Passwort
open = Öffnen
password-wrong = Das Passwort stimmt nicht. Prüfen Sie es und versuchen Sie es noch einmal.
password-missing = Geben Sie das Passwort ein.
too-many = Zu viele Versuche aus Ihrem Netz. Versuchen Sie es in { $seconds ->
    [one] einer Sekunde
   *[other] { $seconds } Sekunden
} noch einmal.
terms-heading = Nutzungsbedingungen
terms-hint = Stimmen Sie den Bedingungen zu, um die geteilten Dateien zu sehen und herunterzuladen.
accept = Zustimmen und weiter

items = { $count ->
    [one] ein Element
   *[other] { $count } Elemente
}
select = { $title } auswählen
select-all = Alle auf dieser Seite auswählen
nothing-selected = Wählen Sie mindestens ein Element aus.
download = Herunterladen
download-all = Alles herunterladen
download-selected = Auswahl herunterladen
as-format = Format
as-default = Standardformate
as-original = Originale
view-only = Sie können diese Dateien ansehen. Das Herunterladen ist ausgeschaltet.
downloads-left = { $count ->
    [one] noch ein Download
   *[other] noch { $count } Downloads
}
downloads-none = Es sind keine Downloads mehr übrig.
empty = In dieser Freigabe ist nichts mehr.
unavailable = Nicht mehr verfügbar
all-items = Alle Elemente
pages = Seiten
page-previous = Vorherige Seite
page-next = Nächste Seite
page-at = Seite { $place }
page-go = Gehe zu Seite
item-previous = Zurück
item-next = Weiter

original = Original
formats = Formate
preview = Vorschau
no-preview = Für diese Datei gibt es keine Vorschau.
open-document = Dokument in eigenem Tab öffnen
frame-at = Ansicht { $place }
turn-hint = Zum Drehen ziehen oder die Pfeiltasten drücken.
download-frames = { $count ->
    [one] Die eine Ansicht als Zip herunterladen
   *[other] Alle { $count } Ansichten als Zip herunterladen
}
add-format = Format hinzufügen
add-format-hint = Das Bild in anderer Größe oder anderem Dateiformat. Es wird nie größer, als es ist.
crop = Ausschnitt
crop-hint = In Pixeln von der linken oberen Ecke. Leer: das ganze Bild.
crop-keys = Auf dem Bild aufziehen oder ziehen. Pfeiltasten verschieben ihn, mit der Umschalttaste ändern sie seine Größe, Entf nimmt das ganze Bild.
crop-x = Von links
crop-y = Von oben
crop-width = Breite des Ausschnitts
crop-height = Höhe des Ausschnitts
width = Breite in Pixeln
height = Höhe in Pixeln
fit = Wenn beides angegeben ist
fit-inside = Ganzes Bild darin
fit-cover = Ausfüllen und Ränder abschneiden
file-format = Dateiformat
quality = JPEG-Qualität, 1 bis 100
format-download = Dieses Format herunterladen
format-refused = Dieses Bild gibt es nicht in dieser Größe oder diesem Format.
about = Informationen
tags = Schlagwörter
kind-AUDIO = Audio
kind-IMAGE = Bild
kind-IMAGE_360 = 360°-Ansicht
kind-OTHER = Dokument
kind-PLAYLIST = Wiedergabeliste
kind-VIDEO = Video
kind-URL = Link

gone-heading = Diese Freigabe ist beendet
gone-detail = Sie ist abgelaufen oder wurde zurückgezogen. Bitten Sie die Person, von der Sie den Link haben, um einen neuen.
missing-heading = Hier ist nichts
missing-detail = Unter dieser Adresse gibt es nichts. Prüfen Sie, ob der Link vollständig ist.
foreign-heading = Das wurde nicht angenommen
foreign-detail = Die Anfrage kam nicht von dieser Seite. Es wurde nichts ausgeführt. Öffnen Sie den Link neu und versuchen Sie es noch einmal.
refused-heading = Das ist nicht möglich
refused-detail = Das wird auf diesem Weg nicht herausgegeben.
busy-heading = Einen Moment
busy-detail = Gerade ist zu viel los. Versuchen Sie es in ein paar Sekunden noch einmal.
failed-heading = Etwas ist schiefgegangen
failed-detail = Der Fehler liegt bei uns, nicht bei Ihnen. Versuchen Sie es später noch einmal. Kennung: { $request }
back-to-share = Zurück zur Freigabe
