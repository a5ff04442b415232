### The words of letters, in Italian.

letter-hello = Buongiorno { $name },
letter-share-subject = { $name } ha condiviso con lei «{ $title }»
letter-share-lead = { $name } ha condiviso con lei «{ $title }»: { $count ->
    [one] un elemento
   *[other] { $count } elementi
}.
letter-message = Messaggio di { $name }
letter-open = Apri la condivisione
letter-until = Il link è valido fino al { $date }.
letter-password = È protetta da una password, che riceverà da { $name } in altro modo.
letter-own = Il link è solo suo. La preghiamo di non inoltrarlo.
letter-unexpected = Se non si aspettava questo messaggio, può ignorarlo.
letter-ends-subject = «{ $title }» sta per scadere
letter-ends-lead = La sua condivisione «{ $title }» scade il { $date }.
letter-ends-after = Dopo non potrà aprirla nessuno. Nella console può spostare la scadenza; 30 giorni dopo viene eliminata.
letter-somebody = Qualcuno con il link
letter-opened-subject = «{ $title }» è stata aperta
letter-opened-lead = { $name } ha aperto la sua condivisione «{ $title }».
letter-had-subject = È stato scaricato qualcosa da «{ $title }»
letter-had-lead = { $name } ha avviato un download dalla sua condivisione «{ $title }».
letter-digest-subject = Che cosa è successo a «{ $title }»
letter-digest-lead = Dal { $date } la sua condivisione «{ $title }» è stata visitata.
letter-digest-opened = { $count ->
    [one] È stata aperta una volta.
   *[other] È stata aperta { $count } volte.
}
letter-digest-had = { $count ->
    [one] È stato avviato un download.
   *[other] Sono stati avviati { $count } download.
}
letter-why-own = Riceve questo messaggio perché ha creato la condivisione. Che cosa le viene comunicato si imposta nella condivisione.
