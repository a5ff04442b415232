### The words of a share's page, in Italian.

decimal = ,
skip = Vai al contenuto
shared-by = Condiviso da { $name }
available-until = Disponibile fino al { $date }
language-name = Italiano
privacy = Informativa sulla privacy

gate-heading = Questa condivisione è protetta
gate-hint = Inserisci la password che hai ricevuto.
password = Password
open = Apri
password-wrong = La password non è corretta. Controllala e riprova.
password-missing = Inserisci la password.
too-many = Troppi tentativi dalla tua rete. Riprova tra { $seconds ->
    [one] un secondo
   *[other] { $seconds } secondi
}.
terms-heading = Termini e condizioni
terms-hint = Accetta i termini per vedere e scaricare ciò che è condiviso con te.
accept = Accetta e continua

items = { $count ->
    [one] un elemento
   *[other] { $count } elementi
}
select = Seleziona { $title }
select-all = Seleziona tutto in questa pagina
nothing-selected = Seleziona almeno un elemento.
download = Scarica
download-all = Scarica tutto
download-selected = Scarica la selezione
as-format = Formato
as-default = Formati predefiniti
as-original = Originali
view-only = Puoi vedere questi file. Il download è disattivato.
downloads-left = { $count ->
    [one] un download rimasto
   *[other] { $count } download rimasti
}
downloads-none = Non ci sono più download disponibili.
empty = In questa condivisione non è rimasto nulla.
unavailable = Non più disponibile
all-items = Tutti gli elementi
pages = Pagine
page-previous = Pagina precedente
page-next = Pagina successiva
page-at = Pagina { $place }
page-go = Vai alla pagina
item-previous = Precedente
item-next = Successivo

original = Originale
formats = Formati
preview = Anteprima
no-preview = Non c’è un’anteprima di questo file.
open-document = Apri il documento in una nuova scheda
frame-at = Vista { $place }
turn-hint = Trascina o premi i tasti freccia per ruotare.
download-frames = { $count ->
    [one] Scarica l’unica vista in uno zip
   *[other] Scarica tutte le { $count } viste in uno zip
}
add-format = Aggiungi un formato
add-format-hint = L’immagine in un’altra dimensione o in un altro formato di file. Non diventa mai più grande di quanto sia.
crop = Ritaglio
crop-hint = In pixel dall’angolo in alto a sinistra. Vuoto: tutta l’immagine.
crop-keys = Disegnalo sull’immagine o trascinalo. I tasti freccia lo spostano, con Maiusc lo ridimensionano, Canc riprende tutta l’immagine.
crop-x = Da sinistra
crop-y = Dall’alto
crop-width = Larghezza del ritaglio
crop-height = Altezza del ritaglio
width = Larghezza in pixel
height = Altezza in pixel
fit = Se sono indicate entrambe
fit-inside = Tutta l’immagine al loro interno
fit-cover = Riempi e taglia i bordi
file-format = Formato di file
quality = Qualità JPEG, da 1 a 100
format-download = Scarica questo formato
format-refused = Questa immagine non è disponibile in quella dimensione o in quel formato.
about = Informazioni
tags = Tag
kind-AUDIO = Audio
kind-IMAGE = Immagine
kind-IMAGE_360 = Vista a 360°
kind-OTHER = Documento
kind-PLAYLIST = Playlist
kind-VIDEO = Video
kind-URL = Link

gone-heading = Questa condivisione è terminata
gone-detail = È scaduta o è stata ritirata. Chiedi un nuovo link a chi te lo ha dato.
missing-heading = Qui non c’è nulla
missing-detail = A questo indirizzo non c’è nulla. Controlla che il link sia completo.
foreign-heading = Richiesta non accettata
foreign-detail = La richiesta non veniva da questa pagina. Non è stato fatto nulla. Apri di nuovo il link e riprova.
refused-heading = Non è possibile
refused-detail = Quanto richiesto non viene fornito in questo modo.
busy-heading = Un momento
busy-detail = Ci sono troppe richieste. Riprova tra qualche secondo.
failed-heading = Qualcosa è andato storto
failed-detail = L’errore è nostro, non tuo. Riprova più tardi. Riferimento: { $request }
back-to-share = Torna alla condivisione
