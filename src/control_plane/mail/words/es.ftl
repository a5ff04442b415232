### The words of letters, in Spanish.

letter-hello = Hola, { $name }:
letter-share-subject = { $name } ha compartido «{ $title }» con usted
letter-share-lead = { $name } ha compartido «{ $title }» con usted: { $count ->
    [one] un elemento
   *[other] { $count } elementos
}.
letter-message = Mensaje de { $name }
letter-open = Abrir lo compartido
letter-until = El enlace funciona hasta el { $date }.
letter-password = Está protegido con una contraseña, que { $name } le dará por otro medio.
letter-own = El enlace es solo suyo. No lo reenvíe, por favor.
letter-unexpected = Si no esperaba este mensaje, puede ignorarlo.
letter-ends-subject = «{ $title }» termina pronto
letter-ends-lead = Lo que compartió como «{ $title }» termina el { $date }.
letter-ends-after = Después nadie podrá abrirlo. Puede cambiar el final en la consola; 30 días después se elimina.
letter-somebody = Alguien con el enlace
letter-opened-subject = Se ha abierto «{ $title }»
letter-opened-lead = { $name } ha abierto lo que compartió como «{ $title }».
letter-had-subject = Se ha descargado algo de «{ $title }»
letter-had-lead = { $name } ha empezado una descarga de lo que compartió como «{ $title }».
letter-digest-subject = Qué ha pasado con «{ $title }»
letter-digest-lead = Desde el { $date } se ha visitado lo que compartió como «{ $title }».
letter-digest-opened = { $count ->
    [one] Se ha abierto una vez.
   *[other] Se ha abierto { $count } veces.
}
letter-digest-had = { $count ->
    [one] Se ha empezado una descarga.
   *[other] Se han empezado { $count } descargas.
}
letter-why-own = Recibe este mensaje porque lo compartió usted. De qué se le avisa se elige al compartir.
